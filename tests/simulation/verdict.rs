//! What must be true when a world has ended.

use presigned::{
    core::{
        checkpoint::{Checkpoint, UploadPoint},
        checksum::Algorithm,
        error::{Code, Error},
        integrity::Integrity,
        transfer::{End, Finish},
    },
    drive::seams::Clock,
};

use super::{
    fate::Climate,
    rules::{Ends, assert_holds, has_read},
    server::{CORRUPT, Object, STALE, Second, Stretch},
    store::{Record, identity},
    world::{Planned, World},
};

impl World {
    pub fn judge(&self, transfers: &[Planned], lives: u64) -> Ends {
        let server = &self.platform.server;
        let (requests, virtual_ms) = (server.requests.get(), self.platform.clock.now());
        let mut ends = Ends { requests, virtual_ms, ..Ends::default() };
        assert_eq!(server.in_flight.get(), 0, "nothing is left in flight");
        // Whether an upload was completed is looked at by one request of its own, whose body is not read.
        let looks = transfers.iter().filter(|transfer| transfer.is_upload).count();
        let looks = if self.climate == Climate::Fair && lives == 1 { 0 } else { looks };
        let most = self.settings.concurrency.unwrap_or(if server.weather.h2 { 24 } else { 6 });
        // A second host has as many connections, unless the application has said how many there may be, or one carries them all.
        let each = self.settings.concurrency.is_none() && !server.weather.h2 && server.weather.second != Second::None;
        let all = if each { 2 * most } else { most };
        ends.wide = u64::from(server.most_in_flight.get() > most + looks);
        assert!(server.most_in_flight.get() <= all + looks, "one limit over all");
        assert!(
            server.most_at_host.get() <= most + looks + usize::from(each) * transfers.len(),
            "and for each host: {} of {most}",
            server.most_at_host.get()
        );
        for transfer in transfers {
            let witness = transfer.witness.borrow();
            ends.retries += transfer.retries + witness.retries;
            match witness.end.as_ref().expect("it has ended") {
                End::Done(finish) => {
                    ends.done += 1;
                    self.assert_done(transfer, finish);
                }
                End::Failed(error) => {
                    ends.failed += 1;
                    self.assert_excusable(transfer, error);
                }
                End::Aborted => {
                    ends.aborted += 1;
                    assert!(transfer.aborted.get().is_some(), "{}: only the user aborts", transfer.key);
                }
            }
            let fair = self.climate == Climate::Fair && transfer.newer.is_none();
            assert!(!fair || witness.retries == 0, "{}: an attempt was spent in fair weather", transfer.key);
            let removed = server.removals.borrow().contains(&transfer.key);
            let asked = transfer.aborted.get() == Some(false);
            assert!(!removed || asked, "{}: removed though nobody asked for it", transfer.key);
            self.assert_remembered(transfer, witness.end.as_ref());
        }
        self.assert_bounded(transfers, lives, &ends);
        let records = self.platform.shelf.records.borrow();
        assert!(!records.iter().any(Record::is_driven), "what has ended is let go");
        ends
    }

    fn assert_done(&self, transfer: &Planned, finish: &Finish) {
        assert_eq!(finish.key, transfer.key);
        match &transfer.sink {
            Some(sink) if let Some(span) = transfer.span => {
                sink.drain();
                if let Integrity::Unverified(_) = finish.integrity {
                    sink.forgive();
                }
                let read = self.versions(transfer).iter().any(|version| has_read(sink, span, version));
                assert!(read, "{}: what was read is no version's", transfer.key);
                if span != (0, None) {
                    return;
                }
            }
            Some(sink) => {
                // Where nothing was compared, nobody could know.
                if let Integrity::Unverified(_) = finish.integrity {
                    sink.forgive();
                }
                // All of one version, whichever it was.
                let of = sink.written.borrow().first().map(|(_, bytes)| bytes.of);
                let mut versions = self.versions(transfer).into_iter();
                let version =
                    versions.find(|version| version.len() == finish.size && of.is_none_or(|of| of == version.of));
                let version = version.unwrap_or_else(|| panic!("{}: it is no version's size", transfer.key));
                assert_holds(sink, version.of, finish.size, &transfer.key);
            }
            None => {
                assert_eq!(finish.size, transfer.size);
                self.assert_stored(transfer, finish);
            }
        }
        self.assert_compared(transfer, finish);
    }

    /// What may be downloaded.
    fn versions(&self, transfer: &Planned) -> Vec<Stretch> {
        let mut versions = transfer.versions();
        let server = &self.platform.server;
        if let Second::Stale(more) = server.weather.second
            && (!server.is_version_told() || self.climate > Climate::Gentle)
        {
            let stale = |version: &Stretch| Stretch { of: version.of + STALE, end: version.end + more, ..*version };
            versions.extend(versions.clone().iter().map(stale));
        }
        versions
    }

    /// What could be compared was.
    fn assert_compared(&self, transfer: &Planned, finish: &Finish) {
        let weather = &self.platform.server.weather;
        let whole = transfer.is_upload && finish.size <= transfer.part_size;
        let signed = self.platform.server.signs_sums().filter(|_| transfer.is_upload && !whole);
        let algorithm = if transfer.is_upload { self.settings.checksum } else { self.settings.checksum_down() };
        // The ETag comes with the completion, unless that is lost.
        let completed = weather.completions_tell && weather.nonsense + weather.lost_answer + weather.cut == 0;
        let told = match signed.or(algorithm) {
            None => false,
            Some(Algorithm::Md5) => weather.md5 && (whole || completed),
            Some(Algorithm::Sha256) if signed.is_none() => false,
            Some(_) if whole => weather.storage_tells,
            Some(_) => weather.backend_tells,
        };
        // In foul weather, who has to be asked once more may be out of reach for good.
        let heard = !transfer.is_upload || whole || weather.completions_tell || self.climate <= Climate::Gentle;
        let able = weather.corrupt == 0 && transfer.newer.is_none() && heard;
        match &finish.integrity {
            Integrity::Verified(sum) => {
                let sums = self.versions(transfer).into_iter().filter(|bytes| bytes.len() == finish.size);
                let sums: Vec<_> = sums.map(|bytes| in_parts(bytes, transfer).sum(sum.algorithm)).collect();
                assert!(sums.contains(sum), "{}: another checksum", transfer.key);
            }
            Integrity::Unverified(why) => assert!(!(told && able), "{}: not compared: {why}", transfer.key),
        }
    }

    /// Where the weather was such that it should have been done, it was.
    fn assert_excusable(&self, transfer: &Planned, error: &Error) {
        // A newer version may be too short for what is wanted of it.
        let beyond = transfer.span.is_some() && error.code == Code::InvalidOption;
        // Which of two versions is right, nobody has said; and who looks for what was uploaded may see the older one.
        let stale = matches!(self.platform.server.weather.second, Second::Stale(_))
            && match transfer.is_upload {
                true => error.code == Code::Backend,
                false => !self.platform.server.is_version_told() && error.code == Code::ChecksumMismatch,
            };
        // Where one host has another version by now, what is wrong with the other is the end.
        let alone = transfer.newer.is_some() && self.platform.server.weather.second != Second::None;
        let replaced = stale || alone || transfer.newer.is_some() && (error.code == Code::ObjectChanged || beyond);
        // Without a list, and without an ETag that proves it, nobody can tell whose object that is.
        let weather = &self.platform.server.weather;
        let unproven = weather.no_list && !(weather.md5 && weather.exposed) && transfer.is_upload;
        let hard = self.climate > Climate::Gentle;
        assert!(
            hard || replaced || unproven && self.climate == Climate::Gentle,
            "{}: failed in {:?} weather: {error:?}",
            transfer.key,
            self.climate
        );
    }

    /// What went over the wire was needed, or was tried again, or belonged to a life that ended.
    fn assert_bounded(&self, transfers: &[Planned], lives: u64, ends: &Ends) {
        let streams = self.platform.server.weather.no_ranges;
        let parts = |transfer: &Planned| match transfer.is_upload || !streams {
            true => transfer.size.div_ceil(transfer.part_size),
            false => 0,
        };
        let needed: u64 = transfers.iter().map(|transfer| 16 + parts(transfer)).sum();
        // Each time the page falls behind, what is under way is cut.
        let needed = needed + if self.platform.server.weather.behind > 0 { needed } else { 0 };
        let bound = 3 * needed * lives + 2 * ends.retries;
        assert!(ends.requests <= bound, "{} requests, where {bound} would be many", ends.requests);
    }

    /// What is done or given up is forgotten; what failed can be gone on with, as long as storage has it.
    fn assert_remembered(&self, transfer: &Planned, end: Option<&End>) {
        let records = self.platform.shelf.records.borrow();
        let record = records.iter().find(|record| match &record.point {
            Checkpoint::Upload(point) => point.key == transfer.key,
            Checkpoint::Download(point) => point.key == transfer.key,
        });
        assert!(!format!("{record:?}").contains("://"), "{}: a URL is remembered", transfer.key);
        match (end, record) {
            (Some(End::Done(_) | End::Aborted), Some(_)) if transfer.buried => {}
            (Some(End::Done(_)), Some(_)) => panic!("{}: done, and still remembered", transfer.key),
            (Some(End::Aborted), Some(_)) if transfer.aborted.get() == Some(false) => {
                panic!("{}: given up, and still remembered", transfer.key)
            }
            (_, Some(record)) => {
                if let Checkpoint::Upload(UploadPoint { upload_id, identity: own, .. }) = &record.point {
                    assert_eq!(own, &identity(&transfer.request()));
                    let server = &self.platform.server;
                    let uploads = server.uploads.borrow();
                    // The server alone may have taken it away.
                    let there = uploads.contains_key(upload_id) || server.reaped.borrow().contains(upload_id);
                    let done = server.completed.borrow().contains_key(upload_id);
                    assert!(there || done, "{}: what is remembered is gone", transfer.key);
                    let unknown = record
                        .parts
                        .keys()
                        .find(|number| uploads.get(upload_id).is_some_and(|parts| !parts.contains_key(number)));
                    assert_eq!(unknown, None, "{}: a part is remembered that storage has not", transfer.key);
                }
            }
            _ => {}
        }
    }

    fn assert_stored(&self, transfer: &Planned, finish: &Finish) {
        let objects = self.platform.server.objects.borrow();
        let object = objects.get(&transfer.key).unwrap_or_else(|| panic!("{}: done, but not stored", transfer.key));
        let mut at = 0;
        for bytes in &object.bytes {
            // Where nothing was compared, nobody could know.
            let blind = match finish.integrity {
                Integrity::Unverified(_) => true,
                // An ETag is of the bytes as they came.
                Integrity::Verified(sum) => sum.algorithm == Algorithm::Md5,
            };
            let corrupt = bytes.of & CORRUPT > 0 && blind;
            let of = if corrupt { transfer.id | CORRUPT } else { transfer.id };
            assert_eq!((bytes.of, bytes.start), (of, at), "{}: bytes out of place", transfer.key);
            at = bytes.end;
        }
        assert_eq!((at, object.size), (transfer.size, transfer.size), "{}: all of it", transfer.key);
    }
}

/// As it was sent.
fn in_parts(whole: Stretch, transfer: &Planned) -> Object {
    let starts = (0..whole.end.max(1)).step_by(transfer.part_size as usize);
    let part = |start| Stretch { start, end: whole.end.min(start + transfer.part_size), ..whole };
    Object { bytes: starts.map(part).collect(), etag: String::new(), size: whole.end, modified: 0 }
}
