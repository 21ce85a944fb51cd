//! A body that is counted on its way and may end badly.

use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::Sleep;

use super::Plan;
use super::line::Line;
use super::rule::Action;
use crate::stats::InFlight;

/// How often a stalled body looks whether the rules have changed.
const GLANCE: Duration = Duration::from_millis(25);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Request,
    Response,
}

pub struct Watched {
    inner: Body,
    way: Way,
    plan: Arc<Plan>,
    line: Arc<Line>,
    flight: Arc<InFlight>,
    passed: u64,
    /// What came out of `inner` and may not pass yet.
    held: Bytes,
    /// Where a short body ends.
    end: Option<u64>,
    changed: bool,
    /// The byte that is spoiled on its way.
    flip: Option<u64>,
    pause: Option<Pin<Box<Sleep>>>,
    /// Whether the bytes before a cut had their moment to leave.
    flushed: bool,
}

impl Watched {
    pub fn new(inner: Body, way: Way, plan: Arc<Plan>, line: Arc<Line>, flight: Arc<InFlight>) -> Self {
        let response = way == Way::Response;
        let exact = http_body::Body::size_hint(&inner).exact();
        Self {
            inner,
            way,
            end: plan.short_body().filter(|_| response).zip(exact).map(|(missing, size)| size.saturating_sub(missing)),
            changed: response
                && plan.has(&Action::ChangedObject)
                && plan.target().is_some_and(|target| target.op == "get"),
            flip: plan.flip_byte().filter(|_| response == plan.target().is_some_and(|target| target.op == "get")),
            plan,
            line,
            flight,
            passed: 0,
            held: Bytes::new(),
            pause: None,
            flushed: false,
        }
    }

    fn limits(&self) -> (Option<u64>, Option<u64>) {
        let live = self.plan.live();
        match self.way {
            Way::Request => (live.cut_request, live.stall_request),
            Way::Response => (live.cut_response, live.stall_response),
        }
    }

    fn poll_pause(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(GLANCE)));
        ready!(pause.as_mut().poll(context));
        self.pause = None;
        Poll::Ready(())
    }

    /// Lets as many of the held bytes pass as the limits allow.
    fn pass(&mut self, cut: Option<u64>, stall: Option<u64>) -> Bytes {
        let most = [cut, stall, self.end]
            .into_iter()
            .flatten()
            .map(|limit| limit.saturating_sub(self.passed))
            .min()
            .and_then(|most| usize::try_from(most).ok())
            .unwrap_or(usize::MAX);
        let mut part = self.held.split_to(most.min(self.held.len()));
        let place = self.flip.and_then(|at| usize::try_from(at.checked_sub(self.passed)?).ok());
        if let Some(place) = place.filter(|place| *place < part.len()) {
            part = part.iter().enumerate().map(|(at, byte)| if at == place { byte ^ 1 } else { *byte }).collect();
        }
        self.passed += part.len() as u64;
        match self.way {
            Way::Request => self.flight.came_in(part.len()),
            Way::Response => self.flight.went_out(part.len()),
        }
        if self.changed {
            return part.iter().map(|byte| byte ^ 0x20).collect();
        }
        part
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        loop {
            let (cut, stall) = self.limits();
            if cut.is_some_and(|cut| self.passed >= cut) {
                if self.way == Way::Response && !self.flushed {
                    // hyper writes what it holds while the body is pending; without that moment the reset would take those bytes along.
                    ready!(self.poll_pause(context));
                    self.flushed = true;
                }
                self.line.cut();
                return Poll::Ready(Some(Err(axum::Error::new(std::io::Error::from(
                    std::io::ErrorKind::ConnectionReset,
                )))));
            }
            if stall.is_some_and(|stall| self.passed >= stall) {
                ready!(self.poll_pause(context));
                continue;
            }
            if self.end.is_some_and(|end| self.passed >= end) {
                return Poll::Ready(None);
            }
            if !self.held.is_empty() {
                let part = self.pass(cut, stall);
                return Poll::Ready(Some(Ok(Frame::data(part))));
            }
            match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.held = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self.end {
            Some(end) => self.passed >= end,
            None => self.held.is_empty() && self.inner.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        if let Some(end) = self.end {
            return SizeHint::with_exact(end - self.passed);
        }
        let inner = self.inner.size_hint();
        let held = self.held.len() as u64;
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower() + held);
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + held);
        }
        hint
    }
}
