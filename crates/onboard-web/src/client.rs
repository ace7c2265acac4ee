//! The client's half of the API: blocking calls over the unix socket.

use crate::api::{BASE, CommandAnswer, CommandRequest, Items, Problem, RegisterRequest, Versioned};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use onboard_domain::{Command, Via};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::runtime::Runtime;

/// Bytes of an answer: ten thousand agents as rows are about half.
const ANSWER_MAX: usize = 16 << 20;

/// Bytes of one line of a stream.
const LINE_MAX: usize = 1 << 20;

/// The longest a command may take: longer than the server lets it wait.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(35);

/// The longest a read may take: it waits for nothing but the disk.
pub const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a call gave no answer.
#[derive(Debug)]
pub enum ClientError {
    /// No daemon listens at the socket.
    Absent(PathBuf),
    /// The socket is there, but this user may not use it.
    Denied(PathBuf),
    /// The connection broke, or what came is not HTTP.
    Broken(String),
    /// No answer in time: the daemon hangs or is very busy.
    TimedOut(Duration),
    /// The answer is not of this API.
    Foreign(String),
    /// The daemon answered with a problem.
    Problem(Problem),
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ClientError::Absent(path) => write!(f, "no daemon answers at {}", path.display()),
            ClientError::Denied(path) => write!(f, "no permission to use {}", path.display()),
            ClientError::Broken(why) => write!(f, "the connection to the daemon broke: {why}"),
            ClientError::TimedOut(after) => {
                write!(f, "the daemon did not answer within {:.1} s", after.as_secs_f64())
            }
            ClientError::Foreign(why) => write!(f, "the daemon's answer is not understood: {why}"),
            ClientError::Problem(problem) => problem.fmt(f),
        }
    }
}

impl std::error::Error for ClientError {}

/// A way to one daemon. Each call has its own connection.
pub struct Client {
    runtime: Runtime,
    socket: PathBuf,
    timeout: Duration,
}

impl Client {
    /// A client of the daemon at `socket`. Nothing is sent yet.
    ///
    /// # Errors
    /// When the process has no descriptors left.
    pub fn new(socket: &Path) -> io::Result<Client> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Client { runtime, socket: socket.to_path_buf(), timeout: CALL_TIMEOUT })
    }

    /// The same, with another limit on each call.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Client {
        Client { timeout, ..self }
    }

    /// Reads `path` (below the API's base) with a query of already known names.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<T, ClientError> {
        let request = self.request(Method::GET, &target(path, query), Bytes::new())?;
        self.call(request, READ_TIMEOUT.min(self.timeout))
    }

    /// Reads every page of a list.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn items<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, ClientError> {
        Ok(self.get::<Items<T>>(path, query)?.items)
    }

    /// Submits a command as the command line.
    ///
    /// # Errors
    /// See [`ClientError`]; a refusal is a [`ClientError::Problem`].
    pub fn command(&self, command: Command, why: &str) -> Result<CommandAnswer, ClientError> {
        let request = CommandRequest { command, why: why.to_string(), via: Via::Cli };
        self.post("/commands", &request)
    }

    /// Registers the project at `root` as the command line.
    ///
    /// # Errors
    /// See [`ClientError`]; a wrong manifest is a [`ClientError::Problem`] with its place.
    pub fn register(&self, root: &Path, why: &str) -> Result<CommandAnswer, ClientError> {
        let root = root.to_string_lossy().into_owned();
        let request = RegisterRequest { root, why: why.to_string(), via: Via::Cli };
        self.post("/projects", &request)
    }

    /// Posts a body.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        let body =
            serde_json::to_vec(body).map_err(|error| ClientError::Foreign(error.to_string()))?;
        self.call(self.request(Method::POST, &target(path, &[]), body.into())?, self.timeout)
    }

    /// Opens a stream of lines.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn stream(&self, path: &str, query: &[(&str, &str)]) -> Result<Lines<'_>, ClientError> {
        let request = self.request(Method::GET, &target(path, query), Bytes::new())?;
        let response = self.within(READ_TIMEOUT.min(self.timeout), async {
            let response = send(&self.socket, request).await?;
            if response.status() == StatusCode::OK {
                Ok(response)
            } else {
                Err(problem(response).await)
            }
        })?;
        Ok(Lines { client: self, body: response.into_body(), buffer: Vec::new(), ended: false })
    }

    fn request(
        &self,
        method: Method,
        target: &str,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, ClientError> {
        Request::builder()
            .method(method)
            .uri(target)
            .header("host", "ai-onboard")
            .header("content-type", "application/json")
            .body(Full::new(body))
            .map_err(|error| ClientError::Foreign(error.to_string()))
    }

    fn call<T: DeserializeOwned>(
        &self,
        request: Request<Full<Bytes>>,
        limit: Duration,
    ) -> Result<T, ClientError> {
        self.within(limit, async {
            let response = send(&self.socket, request).await?;
            if response.status() != StatusCode::OK {
                return Err(problem(response).await);
            }
            let body = whole(response).await?;
            let told: Versioned<T> = serde_json::from_slice(&body)
                .map_err(|error| ClientError::Foreign(error.to_string()))?;
            Ok(told.body)
        })
    }

    fn within<T>(
        &self,
        limit: Duration,
        call: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T, ClientError> {
        self.runtime.block_on(async {
            tokio::time::timeout(limit, call).await.unwrap_or(Err(ClientError::TimedOut(limit)))
        })
    }
}

/// The lines of a stream.
pub struct Lines<'a> {
    client: &'a Client,
    body: Incoming,
    buffer: Vec<u8>,
    ended: bool,
}

/// What came of waiting for a line.
#[derive(Debug, PartialEq, Eq)]
pub enum Waited<T> {
    Line(T),
    /// Nothing within the time.
    Nothing,
    /// The stream is over.
    Over,
}

impl Lines<'_> {
    /// The next line, waiting at most `limit` (`None`: until one comes or the stream ends).
    ///
    /// # Errors
    /// When the connection breaks or the line is not what was asked for.
    pub fn next<T: DeserializeOwned>(
        &mut self,
        limit: Option<Duration>,
    ) -> Result<Waited<T>, ClientError> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                return serde_json::from_slice(&line)
                    .map(Waited::Line)
                    .map_err(|error| ClientError::Foreign(error.to_string()));
            }
            if self.ended {
                return Ok(Waited::Over);
            }
            let frame = self.body.frame();
            let waited = self.client.runtime.block_on(async {
                match limit {
                    Some(limit) => tokio::time::timeout(limit, frame).await.ok(),
                    None => Some(frame.await),
                }
            });
            match waited {
                None => return Ok(Waited::Nothing),
                Some(None) => self.ended = true,
                Some(Some(Err(error))) => return Err(ClientError::Broken(error.to_string())),
                Some(Some(Ok(frame))) => {
                    self.buffer.extend_from_slice(frame.data_ref().map_or(&[][..], |d| &d[..]));
                }
            }
            if self.buffer.len() > LINE_MAX {
                return Err(ClientError::Foreign("a line is longer than any should be".into()));
            }
        }
    }
}

/// One exchange on a connection of its own.
async fn send(
    socket: &Path,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, ClientError> {
    let stream = UnixStream::connect(socket).await.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
            ClientError::Absent(socket.to_path_buf())
        }
        io::ErrorKind::PermissionDenied => ClientError::Denied(socket.to_path_buf()),
        _ => ClientError::Broken(format!("{}: {error}", socket.display())),
    })?;
    let broken = |error: hyper::Error| ClientError::Broken(error.to_string());
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    // Drives the socket; its errors also reach whoever waits for the answer or the body.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(broken)
}

async fn whole(response: Response<Incoming>) -> Result<Bytes, ClientError> {
    let body = Limited::new(response.into_body(), ANSWER_MAX).collect().await;
    body.map(http_body_util::Collected::to_bytes)
        .map_err(|error| ClientError::Broken(error.to_string()))
}

async fn problem(response: Response<Incoming>) -> ClientError {
    let status = response.status();
    match whole(response).await {
        Ok(body) => match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => ClientError::Problem(problem),
            Err(_) => ClientError::Foreign(format!("status {status}")),
        },
        Err(error) => error,
    }
}

/// The path with its query, values encoded.
fn target(path: &str, query: &[(&str, &str)]) -> String {
    let mut target = format!("{BASE}{path}");
    for (index, (name, value)) in query.iter().enumerate() {
        target.push(if index == 0 { '?' } else { '&' });
        target.push_str(name);
        target.push('=');
        for byte in value.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                    target.push(char::from(byte));
                }
                _ => target.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    target
}

#[cfg(test)]
mod tests {
    use super::target;

    #[test]
    fn values_of_a_query_are_encoded() {
        let query = [("project", "/a b/ü"), ("contains", "x&y=z")];
        assert_eq!(
            target("/logs", &query),
            "/api/v1/logs?project=/a%20b/%C3%BC&contains=x%26y%3Dz"
        );
    }
}
