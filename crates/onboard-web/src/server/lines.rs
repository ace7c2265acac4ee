//! A body of JSON lines, written by a task and ended by it.

use crate::api::{Problem, ProblemKind};
use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use hyper::body::{Bytes, Frame};
use serde::Serialize;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// Lines that wait for a slow reader; its feed then lags, and it is told so.
const WAITING_MAX: usize = 64;

/// Where a task writes lines.
pub struct Writer(mpsc::Sender<Bytes>);

impl Writer {
    /// Writes one line.
    ///
    /// # Errors
    /// When the reader is gone: the task ends.
    pub async fn line<T: Serialize>(&self, line: &T) -> Result<(), Problem> {
        let gone = |_| Problem::new(ProblemKind::Ended, "the reader is gone");
        let mut text = serde_json::to_vec(line)
            .map_err(|error| Problem::new(ProblemKind::Unreadable, error.to_string()))?;
        text.push(b'\n');
        self.0.send(text.into()).await.map_err(gone)
    }

    /// Waits until the reader is gone.
    pub async fn closed(&self) {
        self.0.closed().await;
    }
}

struct Lines(mpsc::Receiver<Bytes>);

impl hyper::body::Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(context).map(|line| line.map(|line| Ok(Frame::data(line))))
    }
}

/// A streamed answer and the end that writes it.
pub fn stream() -> (Writer, Response) {
    let (send, receive) = mpsc::channel(WAITING_MAX);
    let body = Body::new(Lines(receive));
    (Writer(send), ([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}
