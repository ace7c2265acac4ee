//! The address at which webhooks are taken: `POST /hooks/NAME`, on a thread of its own, so that
//! strangers who knock don't slow the API down.

use super::rate::Rate;
use super::{payload, tally::Tallies};
use crate::server::{Clock, HEAD_TIMEOUT};
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http_body_util::BodyExt;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use onboard_daemon::handle::{Handle, Request};
use onboard_daemon::hooks::signature::{self, Proven};
use onboard_daemon::hooks::{Hook, Hooks, Way};
use onboard_domain::{Actor, Answer, Command, Refusal, RefusalKind, Via};
use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot, watch};

/// Bytes of a body. Standard Webhooks advises 20 kB; forges send their objects whole, a push with its
/// commits some hundred kB; GitHub ends at 25 MB. Little of it is kept.
pub const BODY_MAX: usize = 1 << 20;
/// Connections at a time: their bodies are what strangers can make the daemon hold.
const CONNECTIONS_MAX: usize = 32;
/// Bytes of a body that is too large of which the rest is still read: the largest of GitHub's.
const DROPPED_MAX: usize = 25 << 20;
/// How long a body may take in all.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a delivery may take to become durable: GitHub and Gitea give up after ten seconds or less.
const DURABLE_TIMEOUT: Duration = Duration::from_secs(8);
/// Before the next connection is taken when there are no descriptors left.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// What takes webhooks.
pub struct Ear {
    pub handle: Handle,
    pub clock: Clock,
    pub tallies: Arc<Tallies>,
    rates: Mutex<BTreeMap<String, Rate>>,
}

/// It listens until it is told to stop.
pub struct Listening {
    thread: JoinHandle<()>,
    stop: watch::Sender<bool>,
    /// Where, with the port that was given if none was asked for.
    pub address: SocketAddr,
}

impl Listening {
    /// Ends it; what is being answered may be cut off, and is sent again by its sender.
    pub fn stop(self) {
        self.stop.send_replace(true);
        // A panic was reported on stderr when it happened.
        drop(self.thread.join());
    }
}

/// Listens at an address. Senders can connect as soon as this returns.
///
/// # Errors
/// When nobody can listen there.
pub fn start(
    handle: Handle,
    clock: Clock,
    tallies: Arc<Tallies>,
    address: SocketAddr,
) -> io::Result<Listening> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    let ear = Arc::new(Ear { handle, clock, tallies, rates: Mutex::default() });
    ear.tallies.listens_at(address);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = std::thread::Builder::new()
        .name("hooks".into())
        .spawn(move || runtime.block_on(accept(ear, listener, stopped)))?;
    Ok(Listening { thread, stop, address })
}

async fn accept(ear: Arc<Ear>, listener: TcpListener, mut stopped: watch::Receiver<bool>) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return eprintln!("webhooks can't be taken: {error}"),
    };
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let router = Router::new()
        .route("/hooks/{name}", post(receive))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .with_state(ear);
    loop {
        let next = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            next = next => next,
            _ = stopped.wait_for(|is| *is) => return,
        };
        match accepted {
            Ok((stream, _)) => {
                let router = router.clone();
                tokio::spawn(async move {
                    serve(stream, router).await;
                    drop(permit);
                });
            }
            // It would fail at once again until somebody gives something back.
            Err(_) => tokio::time::sleep(EXHAUSTED_PAUSE).await,
        }
    }
}

async fn serve(stream: TcpStream, router: Router) {
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .keep_alive(false)
        // A sender may say that it has said all before it hears the answer.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    // An error is the sender's end of the connection going away.
    let _ = connection.await;
}

/// What a sender is told.
struct Told(StatusCode, String);

impl IntoResponse for Told {
    fn into_response(self) -> Response {
        let Told(status, text) = self;
        (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text + "\n").into_response()
    }
}

const PLACE: &str = "webhooks come to /hooks/NAME, by POST";

async fn unknown() -> Told {
    Told(StatusCode::NOT_FOUND, PLACE.into())
}

async fn wrong_method() -> Told {
    Told(StatusCode::METHOD_NOT_ALLOWED, PLACE.into())
}

async fn receive(
    Shared(ear): Shared<Arc<Ear>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some((hook, project)) = ear.hook(&name) else {
        return Told(StatusCode::NOT_FOUND, "there is no such webhook".into()).into_response();
    };
    let taken = match arrived(&headers, body).await {
        Ok(body) => ear.take(&name, &hook, project, &headers, &body).await,
        Err(refused) => Err(refused),
    };
    match taken {
        Ok(text) => Told(StatusCode::ACCEPTED, text.into()).into_response(),
        Err(Refused { word, status, text, again_s }) => {
            ear.tallies.refused(&name, word);
            let mut response = Told(status, text).into_response();
            if let Some(seconds) = again_s {
                response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            response
        }
    }
}

/// Why a delivery is not taken; the word is what it is counted under.
struct Refused {
    word: &'static str,
    status: StatusCode,
    text: String,
    again_s: Option<i64>,
}

fn refused(word: &'static str, status: StatusCode, text: impl Into<String>) -> Refused {
    Refused { word, status, text: text.into(), again_s: None }
}

/// The whole body, which is JSON by its sender's account.
async fn arrived(headers: &HeaderMap, body: Body) -> Result<Vec<u8>, Refused> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if kind != "application/json" && !kind.ends_with("+json") {
        let text = "a webhook's content is `application/json` here; choose that at its sender";
        return Err(refused("no_json", StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    match tokio::time::timeout(BODY_TIMEOUT, whole(body)).await {
        Ok(Ok(Some(body))) => Ok(body),
        Ok(Ok(None)) => {
            let text = format!("a webhook's content has at most {BODY_MAX} bytes");
            Err(refused("too_large", StatusCode::PAYLOAD_TOO_LARGE, text))
        }
        Ok(Err(_)) => Err(refused("cut_off", StatusCode::BAD_REQUEST, "it was cut off")),
        Err(_) => Err(refused("too_slow", StatusCode::REQUEST_TIMEOUT, "it took too long")),
    }
}

/// The body; nothing where it is too large. The rest of such a one is read and dropped, because a sender
/// that is cut off while it writes doesn't hear why.
async fn whole(mut body: Body) -> Result<Option<Vec<u8>>, axum::Error> {
    let (mut bytes, mut length) = (Vec::new(), 0);
    while let Some(frame) = body.frame().await.transpose()? {
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length <= BODY_MAX {
            bytes.extend_from_slice(&data);
        } else if length <= DROPPED_MAX {
            bytes = Vec::new();
        } else {
            break;
        }
    }
    Ok((length <= BODY_MAX).then_some(bytes))
}

impl Ear {
    /// The webhook of this name that others call, and the root of its project.
    fn hook(&self, name: &str) -> Option<(Hook, String)> {
        let hooks = Hooks::new(self.handle.paths().hooks());
        if !hooks.names().ok()?.iter().any(|known| known == name) {
            return None;
        }
        // One that can't be read is said by `hooks list` and `doctor`, not to strangers.
        let hook = hooks.get(name).ok()?;
        let Way::In { project, .. } = &hook.way else { return None };
        let project = project.clone();
        Some((hook, project))
    }

    async fn take(
        &self,
        name: &str,
        hook: &Hook,
        root: String,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<&'static str, Refused> {
        let now = (self.clock)();
        let field = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let proven = signature::prove(hook, &field, body, now)
            .map_err(|why| refused(why.word(), StatusCode::UNAUTHORIZED, why.to_string()))?;
        if self.handle.read(|state| state.hooks.get(name).is_some_and(|k| k.has(&proven.key))) {
            self.tallies.repeated(name);
            return Ok(KNOWN);
        }
        let Some(data) = payload::kept(&proven, body) else {
            return Err(refused("no_json", StatusCode::BAD_REQUEST, "its content is no JSON"));
        };
        if self.handle.read(|state| state.project_at(&root)).is_none() {
            let text = format!("the daemon doesn't know the project at {root} yet");
            return Err(refused("no_project", StatusCode::CONFLICT, text));
        }
        self.room(name).map_err(|seconds| Refused {
            again_s: Some(seconds),
            ..refused("too_many", StatusCode::TOO_MANY_REQUESTS, "it brings too much at once")
        })?;
        self.record(name, root, proven, data).await
    }

    fn room(&self, name: &str) -> Result<(), i64> {
        let now = (self.clock)();
        let mut rates = self.rates.lock().unwrap_or_else(PoisonError::into_inner);
        let most = onboard_domain::hook::bounds::HOOKS;
        if rates.len() >= most && !rates.contains_key(name) {
            // Of webhooks that were removed since.
            rates.clear();
        }
        rates.entry(name.into()).or_default().take(now)
    }

    /// Puts it before the loop and waits until it is durable.
    async fn record(
        &self,
        name: &str,
        root: String,
        proven: Proven,
        data: String,
    ) -> Result<&'static str, Refused> {
        let later = |text| refused("unavailable", StatusCode::SERVICE_UNAVAILABLE, text);
        let (reply, answer) = oneshot::channel::<Result<Answer, Refusal>>();
        let submitted = self.handle.submit(Request {
            actor: Actor::Hook { name: name.into() },
            via: Via::Hook,
            why: String::new(),
            command: Command::ReceiveHook { root, hook: name.into(), key: proven.key, data },
            // Nobody waits any more when the sender went away.
            reply: Box::new(move |told| drop(reply.send(told))),
        });
        submitted.map_err(|_| later("the daemon is busy or ending"))?;
        match tokio::time::timeout(DURABLE_TIMEOUT, answer).await {
            Ok(Ok(Ok(Answer::Done { changed: false }))) => {
                self.tallies.repeated(name);
                Ok(KNOWN)
            }
            Ok(Ok(Ok(_))) => Ok("taken"),
            Ok(Ok(Err(Refusal { kind: RefusalKind::UnknownProject, message }))) => {
                Err(refused("no_project", StatusCode::CONFLICT, message))
            }
            Ok(Ok(Err(refusal))) => {
                Err(refused("refused", StatusCode::BAD_REQUEST, refusal.message))
            }
            Ok(Err(_)) => Err(later("the daemon is ending")),
            Err(_) => Err(later("it is not durable yet; send it again")),
        }
    }
}

const KNOWN: &str = "known already";
