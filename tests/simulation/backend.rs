//! The backend of a world: it signs, lists, completes and removes; and sometimes it lies.

use presigned::{
    core::{
        answer,
        checkpoint::NotedPart,
        checksum::Algorithm,
        error::{Code, Error, Failure, Verdict},
        etag,
        integrity::Told,
        json::Json,
        plan::MIB,
        protocol::{
            self, Completion, DownloadGrant, PartGrants, PartSum, StoredFile, StoredPart, UnsignedPart, UploadGrant,
            UploadRef, UploadRequest,
        },
    },
    drive::seams::{Backend, Clock},
};

use super::{
    platform::SimWorld,
    server::{Object, Second, Stretch, at_second, gone, sum_header},
};

impl SimWorld {
    fn grants(&self, upload_id: &str, numbers: impl Iterator<Item = u32>) -> PartGrants {
        let now = self.clock.now();
        let sign = |number| (number, self.server.sign(now, &format!("part/{upload_id}/{number}")));
        PartGrants { parts: numbers.map(sign).collect(), expires_in: Some(self.server.weather.lease_seconds) }
    }

    /// A success that says nothing, or not what happened.
    fn nonsense(&self, upload: &UploadRef, size: u64) -> Result<Json, Failure> {
        let text = |text: &str| Json::Text(text.to_owned());
        let object = |members: Vec<(&str, Json)>| {
            Json::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
        };
        Ok(match self.server.draw(4) {
            0 => object(Vec::new()),
            1 => object(vec![("file_key", text(&upload.key)), ("size", Json::Number(size as f64 + 1.0))]),
            2 => object(vec![("error", text("We encountered an internal error.")), ("code", text("InternalError"))]),
            3 => Json::List(Vec::new()),
            _ => return Err(answer::not_json(200, "text/html")),
        })
    }

    /// What the backend knows of an object's checksum.
    fn told(&self, key: &str) -> Told {
        let object = self.server.objects.borrow().get(key).cloned();
        let Some(object) = object.filter(|_| self.server.weather.backend_tells) else { return Vec::new() };
        let signed = self.server.signs_sums().filter(|signed| *signed != Algorithm::Crc64Nvme);
        [Algorithm::Crc64Nvme].into_iter().chain(signed).map(|algorithm| object.sum(algorithm)).collect()
    }

    fn complete(&self, upload: &UploadRef, parts: &[NotedPart], size: u64) -> Result<(), Failure> {
        let server = &self.server;
        if server.completed.borrow().contains_key(&upload.upload_id) {
            return if server.weather.once_only { Err(gone()) } else { Ok(()) };
        }
        let stored = server.uploads.borrow_mut().remove(&upload.upload_id).ok_or_else(gone)?;
        let etags: Vec<_> = stored.iter().map(|(number, bytes)| (*number, server.etag(bytes))).collect();
        assert!(
            etags.iter().cloned().eq(parts.iter().map(|part| (part.number, part.etag.clone()))),
            "a completion names what is stored"
        );
        for part in parts {
            let sum = server.signs_sums().map(|algorithm| stored[&part.number].as_it_came().sum(algorithm));
            assert_eq!(part.sum, sum, "a completion has the checksums that were signed");
        }
        let bytes: Vec<Stretch> = stored.into_values().collect();
        let mut lengths: Vec<_> = bytes.iter().map(Stretch::len).collect();
        assert_eq!(lengths.iter().sum::<u64>(), size, "and all of it");
        lengths.pop();
        lengths.dedup();
        assert!(lengths.len() < 2, "parts are of one size");
        let composite = etag::composite(&etags).filter(|_| server.weather.md5);
        // Some stores' say nothing of parts.
        let plain = server.weather.batch.is_multiple_of(2).then(|| bytes[0].sum(Algorithm::Md5).text());
        let etag = composite.or(plain).unwrap_or_else(|| format!("{}-{}", upload.upload_id, etags.len()));
        let etag = format!("\"{etag}\"");
        let object = Object { bytes, etag, size, modified: server.unique() };
        server.objects.borrow_mut().insert(upload.key.clone(), object);
        server.completed.borrow_mut().insert(upload.upload_id.clone(), upload.key.clone());
        Ok(())
    }
}

impl Backend for SimWorld {
    async fn request_upload(&self, request: &UploadRequest) -> Result<UploadGrant, Failure> {
        self.call().await?;
        let (server, id) = (&self.server, self.server.unique());
        let key = request.key.clone().expect("worlds name their keys");
        let part_size = request.part_size.expect("the engine asks for a size");
        if request.size <= part_size {
            let signed = server.sign(self.clock.now(), &format!("put/{key}"));
            return Ok(UploadGrant::Whole { key, signed, expires_in: Some(server.weather.lease_seconds) });
        }
        let upload_id = format!("u{id}");
        server.uploads.borrow_mut().insert(upload_id.clone(), Default::default());
        let parts = u32::try_from(request.size.div_ceil(part_size)).expect("few parts");
        let first = if server.weather.no_request_parts { parts as usize } else { server.weather.batch };
        let first = if server.signs_sums().is_some() { 0 } else { first };
        let grants = self.grants(&upload_id, (1..=parts).take(first));
        let sums = server.signs_sums();
        Ok(UploadGrant::Parts { key, upload_id, part_size: Some(part_size), grants, sums })
    }

    async fn request_parts(&self, upload: &UploadRef, parts: &[UnsignedPart]) -> Result<PartGrants, Failure> {
        self.call().await?;
        if self.server.weather.no_request_parts {
            return Err(absent());
        }
        let numbers = parts.iter().map(|part| part.number).take(self.server.weather.batch);
        let mut grants = self.grants(&upload.upload_id, numbers);
        for ((_, signed), part) in grants.parts.iter_mut().zip(parts) {
            let algorithm = part.sum.map(|sum| sum.algorithm);
            assert_eq!(algorithm, self.server.signs_sums(), "checksums are told where they are wanted");
            signed.headers.extend(part.sum.map(|sum| (sum_header(sum.algorithm), sum.text())));
        }
        Ok(grants)
    }

    async fn list_parts(&self, upload: &UploadRef) -> Result<Vec<StoredPart>, Failure> {
        self.call().await?;
        if self.server.weather.no_list {
            return Err(absent());
        }
        let uploads = self.server.uploads.borrow();
        let parts = uploads.get(&upload.upload_id).ok_or_else(gone)?;
        let stored = |(number, bytes): (&u32, &Stretch)| StoredPart {
            number: *number,
            etag: self.server.etag(bytes),
            size: bytes.len(),
        };
        let listed: Vec<_> = parts.iter().map(stored).collect();
        let told = listed.iter().map(|part| (upload.upload_id.clone(), part.number));
        self.server.told.borrow_mut().extend(told);
        Ok(listed)
    }

    async fn complete_upload(&self, upload: &UploadRef, parts: &[NotedPart], size: u64) -> Result<Completion, Failure> {
        self.call().await?;
        let server = &self.server;
        // A lie may come before the deed, or after it.
        let lies = server.happens(server.weather.nonsense);
        if !lies || server.draw(1) == 0 {
            self.complete(upload, parts, size)?;
        }
        if lies {
            return protocol::completion(&self.nonsense(upload, size)?, &upload.key, size);
        }
        if server.happens(server.weather.lost_answer) {
            return Err(match server.draw(1) {
                0 => Failure::network(),
                _ => Failure::retry(Error::new(Code::Backend, "500").with_status(500)),
            });
        }
        let told = if server.weather.completions_tell { self.told(&upload.key) } else { Vec::new() };
        let etag = self.server.objects.borrow().get(&upload.key).map(|object| object.etag.clone());
        let etag = etag.filter(|_| server.weather.completions_tell);
        Ok(Completion { key: upload.key.clone(), etag, location: None, told })
    }

    async fn abort_upload(&self, upload: &UploadRef) -> Result<(), Failure> {
        self.call().await?;
        self.server.removals.borrow_mut().push(upload.key.clone());
        match self.server.uploads.borrow_mut().remove(&upload.upload_id) {
            Some(_) => Ok(()),
            None => Err(gone()),
        }
    }

    async fn request_download(&self, key: &str) -> Result<DownloadGrant, Failure> {
        self.call().await?;
        let object = self.server.objects.borrow().get(key).cloned();
        let signed = self.server.sign(self.clock.now(), &format!("get/{key}"));
        let weather = &self.server.weather;
        let second = (weather.second != Second::None).then(|| at_second(&signed));
        let (signed, others) = match second {
            Some(second) if weather.second_first => (second, vec![signed]),
            second => (signed, Vec::from_iter(second)),
        };
        let size = object.as_ref().map(|object| object.size);
        let size = weather.size_told.and_then(|truly| if truly { size } else { Some(size? / 2 + 9 * MIB) });
        Ok(DownloadGrant {
            parts: object.as_ref().filter(|_| weather.parts_told).map_or_else(Vec::new, part_sums),
            signed,
            others,
            expires_in: Some(self.server.weather.lease_seconds),
            size,
            etag: object.as_ref().filter(|_| self.server.weather.once_only).map(|object| object.etag.clone()),
            content_type: None,
            told: self.told(key),
        })
    }

    async fn list(&self, _prefix: Option<&str>) -> Result<Vec<StoredFile>, Failure> {
        Ok(Vec::new())
    }

    async fn remove(&self, key: &str) -> Result<(), Failure> {
        self.call().await?;
        self.server.removals.borrow_mut().push(key.to_owned());
        self.server.objects.borrow_mut().remove(key);
        Ok(())
    }
}

/// As if it had been stored in parts of a MiB.
fn part_sums(object: &Object) -> Vec<PartSum> {
    let [whole] = object.bytes[..] else { return Vec::new() };
    let starts = (0..whole.end).step_by(MIB as usize);
    let parts = starts.map(|start| Stretch { start, end: whole.end.min(start + MIB), ..whole });
    parts.map(|part| PartSum { size: part.len(), sum: part.sum(Algorithm::Crc64Nvme) }).collect()
}

fn absent() -> Failure {
    let error = Error::new(Code::NotFound, "no such route").with_status(404);
    Failure::new(error, Verdict::Absent)
}
