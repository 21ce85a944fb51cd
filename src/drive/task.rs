//! Performs one command, and tells by mail how it went.

use std::{
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::Pin,
    rc::Rc,
    task::Poll,
};

use futures_util::future::LocalBoxFuture;

use super::{
    gate::Gate,
    mailbox::{Post, Work},
    seams::{Backend, Body as _, Chunk, Hasher, Opened, Platform, Sink, Store, Transport},
};
use crate::core::{
    answer,
    download::version::{self, Body},
    error::{Code, Error, Failure},
    fleet::TransferId,
    integrity,
    plan::MIB,
    protocol::{DownloadGrant, Method, Signed},
    transfer::{Answer, Command, Input, Seen},
};

type Opening<P> = Result<Opened<<<P as Platform>::Transport as Transport>::Body>, Failure>;

/// Bytes of one answer on their way into the sink: as much as comes while a disk makes sure of what came before.
const WRITTEN_AHEAD: u64 = MIB;

pub async fn perform<P: Platform>(
    platform: Rc<P>,
    id: TransferId,
    work: Work<P>,
    command: Command,
    gate: Rc<Gate>,
    post: Post<P>,
) {
    let answer = answer(&*platform, id, &work, command, &gate, &post).await;
    post.send(|ticket| Input::Answer { ticket, answer });
}

async fn answer<P: Platform>(
    platform: &P,
    id: TransferId,
    work: &Work<P>,
    command: Command,
    gate: &Gate,
    post: &Post<P>,
) -> Result<Answer, Failure> {
    let backend = platform.backend();
    match (command, work) {
        (Command::Recall { resume }, Work::Upload { request, source }) => {
            platform.store().recall_upload(id, request, source, resume).await.map(Answer::Recalled)
        }
        (Command::Recall { resume }, Work::Download { key, sink }) => {
            platform.store().recall_download(id, key, sink, resume).await.map(Answer::Recalled)
        }
        (Command::ListParts(upload), _) => backend.list_parts(&upload).await.map(Answer::PartsListed),
        (Command::Look(key), _) => look(platform, &key).await.map(Answer::Looked),
        (Command::LookUp(key), _) => look_up(platform, &key).await.map(Some).map(Answer::Looked),
        (Command::Hash { algorithm, start, end }, Work::Upload { source, .. }) => {
            platform.hasher().of_source(source, algorithm, start, end).await.map(Answer::Hashed)
        }
        (Command::Hash { algorithm, start, end }, Work::Download { sink, .. }) => {
            platform.hasher().of_sink(sink, algorithm, start, end).await.map(Answer::Hashed)
        }
        (Command::RequestUpload(request), _) => backend.request_upload(&request).await.map(Answer::UploadGranted),
        (Command::RequestParts(upload, parts), _) => {
            backend.request_parts(&upload, &parts).await.map(Answer::PartsGranted)
        }
        (Command::Complete(upload, parts), Work::Upload { request, .. }) => {
            backend.complete_upload(&upload, &parts, request.size).await.map(Answer::Completed)
        }
        (Command::RemoveUpload(upload), _) => backend.abort_upload(&upload).await.map(|()| Answer::Removed),
        (Command::RemoveObject(key), _) => backend.remove(&key).await.map(|()| Answer::Removed),
        (Command::RequestDownload(key), _) => backend.request_download(&key).await.map(Answer::DownloadGranted),
        (Command::Put { signed, start, end }, Work::Upload { source, .. }) => {
            let progress = post.clone();
            let sent = move |loaded| progress.send(|ticket| Input::Sent { ticket, loaded });
            let response = platform.transport().put(&signed, source, start, end, sent).await?;
            tell_protocol(platform, &signed, post);
            Ok(Answer::Replied(response))
        }
        (Command::Get { signed, start, end }, Work::Download { sink, .. }) => {
            let answer = fetch(platform, &**sink, &signed, start, end, gate, post).await?;
            tell_protocol(platform, &signed, post);
            Ok(answer)
        }
        (Command::Restart(lost), Work::Download { sink, .. }) => sink.clear(&lost).await.map(|()| Answer::Restarted),
        (Command::Seal { size, content_type }, Work::Download { sink, .. }) => {
            sink.seal(size, content_type.as_deref()).await.map(Answer::Sealed)
        }
        (Command::Commit, Work::Download { sink, .. }) => sink.commit().await.map(|()| Answer::Committed),
        _ => Err(Failure::fatal(Error::new(Code::Internal, "A command does not fit its transfer."))),
    }
}

fn tell_protocol<P: Platform>(platform: &P, signed: &Signed, post: &Post<P>) {
    if let Some(name) = platform.transport().protocol(signed) {
        post.protocol(name);
    }
}

/// What storage has under this key: the head of a GET tells, and its body is not read.
async fn look<P: Platform>(platform: &P, key: &str) -> Result<Option<Seen>, Failure> {
    let absent = |failure: &Failure| failure.error.code == Code::NotFound;
    let grant = match platform.backend().request_download(key).await {
        Ok(grant) => grant,
        Err(failure) if absent(&failure) => return Ok(None),
        Err(failure) => return Err(failure),
    };
    match open_any(platform, &grant).await? {
        Opened::Body(head, _) => {
            let size = match version::body(&head, 0, None) {
                // Of what is stored, the backend alone knows.
                _ if grant.signed.method == Method::Plain => None,
                Ok(Body::Range { total, .. }) => total,
                Ok(Body::Whole { size }) => size,
                Err(_) => None,
            };
            let etag = head.headers.get("etag").map(str::to_owned).or(grant.etag);
            let mut told = integrity::in_headers(&head.headers);
            told.extend(grant.told);
            Ok(Some(Seen { size: size.or(grant.size), etag, told }))
        }
        Opened::Reply(reply) => match answer::storage(&reply) {
            failure if absent(&failure) => Ok(None),
            failure => Err(failure),
        },
    }
}

/// Where there are several hosts, one that answers is enough.
async fn open_any<P: Platform>(platform: &P, grant: &DownloadGrant) -> Opening<P> {
    let mut opened = platform.transport().get(&grant.signed, 0, None).await;
    for signed in &grant.others {
        // That there is no such object is an answer, too.
        let answered = match &opened {
            Ok(Opened::Body(..)) => true,
            Ok(Opened::Reply(reply)) => reply.status == 404,
            Err(_) => false,
        };
        if answered {
            break;
        }
        let next = platform.transport().get(signed, 0, None).await;
        // Who got no answer may get one later; a refusal is for good.
        if matches!((&opened, &next), (Ok(_), _) | (_, Ok(Opened::Body(..)))) {
            opened = next;
        }
    }
    opened
}

/// The object's checksums, from the backend; else from storage, where what was signed makes it tell them.
async fn look_up<P: Platform>(platform: &P, key: &str) -> Result<Seen, Failure> {
    let grant = platform.backend().request_download(key).await?;
    let telling = |(name, _): &(String, String)| name.eq_ignore_ascii_case("x-amz-checksum-mode");
    let mut told = grant.told.clone();
    if told.is_empty()
        && grant.signed.headers.iter().any(telling)
        && let Opened::Body(head, _) = open_any(platform, &grant).await?
    {
        told = integrity::in_headers(&head.headers);
    }
    Ok(Seen { size: grant.size, etag: grant.etag, told })
}

async fn fetch<P: Platform>(
    platform: &P,
    sink: &P::Sink,
    signed: &Signed,
    start: u64,
    end: Option<u64>,
    gate: &Gate,
    post: &Post<P>,
) -> Result<Answer, Failure> {
    let (head, body) = match platform.transport().get(signed, start, end).await? {
        Opened::Reply(response) => return Ok(Answer::Replied(response)),
        Opened::Body(head, body) => (head, body),
    };
    let (size, start) = match version::body(&head, start, end) {
        Ok(Body::Whole { .. }) if signed.method == Method::Plain => (None, 0),
        Ok(Body::Range { total, .. }) => (total, start),
        Ok(Body::Whole { size }) => (size, 0),
        Err(_) => (None, start),
    };
    sink.describe(head.headers.get("content-type"));
    post.send(|ticket| Input::Head { ticket, head });
    gate.opened().await;
    sink.open(size).await?;
    let (mut writes, mut at, mut ahead) = (VecDeque::new(), start, 0);
    let read = |mut body: <P::Transport as Transport>::Body| async move {
        let chunk = body.chunk().await;
        (body, chunk)
    };
    let mut reading = (gate.room(at) > 0).then(|| Box::pin(read(body)));
    // The network is read on while a disk makes sure of what came before.
    poll_fn(|cx| {
        gate.heed(cx);
        // What was to come next may have been given to another request meanwhile.
        if gate.room(at) == 0 {
            reading = None;
        }
        loop {
            if let Some((at, bytes, write)) = writes.front_mut()
                && let Poll::Ready(written) = LocalBoxFuture::poll(Pin::new(write), cx)
            {
                let (at, bytes) = (*at, *bytes);
                writes.pop_front();
                ahead -= bytes;
                written?;
                sink.arrived(at, bytes);
                post.send(|ticket| Input::Received { ticket, bytes });
                continue;
            }
            let Some(chunk) = reading.as_mut().filter(|_| ahead < WRITTEN_AHEAD) else { break };
            let Poll::Ready((mut body, chunk)) = chunk.as_mut().poll(cx) else { break };
            reading = None;
            if body.is_behind() {
                post.send(|_| Input::Behind);
            }
            if let Some(chunk) = chunk? {
                let chunk = chunk.truncate(gate.room(at));
                let bytes = chunk.len();
                writes.push_back((at, bytes, sink.write(at, chunk)));
                (at, ahead) = (at + bytes, ahead + bytes);
                reading = (gate.room(at) > 0).then(|| Box::pin(read(body)));
            }
        }
        if reading.is_none() && writes.is_empty() { Poll::Ready(Ok(())) } else { Poll::Pending }
    })
    .await?;
    Ok(Answer::Ended)
}
