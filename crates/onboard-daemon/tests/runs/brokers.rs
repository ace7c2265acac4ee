//! What agents have done in their place: a host that wants a credential, a model that costs money,
//! and TLS that programs check for themselves. The world outside is servers of this test.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the world outside is played here, at the loopback address"
)]

use crate::house::{House, lives};
use expect_test::expect;
use onboard_daemon::binding::{Binding, EVERY};
use onboard_daemon::credentials::{Credentials, HEADER, New};
use onboard_daemon::handle::Published;
use onboard_daemon::network::Serve;
use onboard_domain::model::{Fact, Spend};
use onboard_domain::violation::Rule;
use onboard_domain::{Event, RunId};
use onboard_egress::broker::{Secret, Tls};
use onboard_egress::host::Host;
use onboard_egress::{Egress, Outside};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};

/// The secret; the program itself, which agents can read, doesn't have it in one piece.
pub fn canary() -> String {
    ["sk", "canary", "0123456789"].join("-")
}

/// A world whose every name is one public address, at which a server with certificates answers; this
/// machine's own servers are what they are.
struct World {
    server: SocketAddr,
}

impl Outside for World {
    fn resolve(&self, _: &Host, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![SocketAddr::from(([140, 82, 121, 3], port))])
    }

    fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        let is_own = address.ip().is_loopback();
        TcpStream::connect(if is_own { address } else { self.server })
    }
}

type Asked = Arc<Mutex<String>>;

/// A server by TLS that says back what it is asked, and the authority that vouches for it.
fn tls_server(names: &[&str]) -> (SocketAddr, Asked, CertificateDer<'static>) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).expect("an authority");
    let issuer = Issuer::new(params, key);
    let own_key = KeyPair::generate().expect("a key");
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let own = CertificateParams::new(names).expect("parameters");
    let own = own.signed_by(&own_key, &issuer).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![own.der().clone()],
            PrivateKeyDer::try_from(own_key.serialize_der()).expect("a key"),
        )
        .expect("a server");
    let config = Arc::new(config);
    let (address, asked) = server(move |stream, asked| {
        let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
        let mut stream = StreamOwned::new(connection, stream);
        let Some(request) = request(&mut stream, &asked) else { return };
        let answer =
            format!("HTTP/1.1 200 Fine\r\nContent-Length: {}\r\n\r\n{request}", request.len());
        let _ = stream.write_all(answer.as_bytes());
        stream.conn.send_close_notify();
        let _ = stream.flush();
        let _ = stream.sock.shutdown(Shutdown::Write);
    });
    (address, asked, authority.der().clone())
}

/// A model's endpoint without TLS: answers with what it used, or begins and never ends.
fn endpoint() -> (SocketAddr, Asked) {
    server(|mut stream, asked| {
        let Some(request) = request(&mut stream, &asked) else { return };
        if request.contains("never end") {
            let part = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
            let head = "HTTP/1.1 200 Fine\r\nContent-Type: text/event-stream\r\n\r\n";
            let _ = stream.write_all(format!("{head}{part}").as_bytes());
            // Until the other side is gone.
            let _ = stream.read(&mut [0]);
            return;
        }
        let body = "{\"choices\":[{\"message\":{\"content\":\"hello\"}}],\"usage\":{\"prompt_tokens\":60,\"completion_tokens\":40}}";
        let answer = format!("HTTP/1.1 200 Fine\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let _ = stream.write_all(answer.as_bytes());
        let _ = stream.shutdown(Shutdown::Write);
    })
}

fn server(serve: impl Fn(TcpStream, Asked) + Send + Clone + 'static) -> (SocketAddr, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = listener.local_addr().expect("an address");
    let asked = Asked::default();
    let all = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (serve, asked) = (serve.clone(), Arc::clone(&asked));
            std::thread::spawn(move || serve(stream, asked));
        }
    });
    (address, all)
}

/// One whole request.
fn request(stream: &mut impl Read, asked: &Asked) -> Option<String> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut piece) {
            Ok(length @ 1..) => bytes.extend_from_slice(&piece[..length]),
            _ => return None,
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some(head) = text.find("\r\n\r\n") else { continue };
        let field = text[..head].lines().find_map(|line| line.strip_prefix("Content-Length: "));
        if text.len() >= head + 4 + field.map_or(0, |length| length.parse().expect("a number")) {
            asked.lock().expect("no panic").push_str(&text);
            return Some(text);
        }
    }
}

fn live_in(house: &mut House, server: SocketAddr, authority: CertificateDer<'static>) {
    let serve: Serve = Arc::new(move |ends, mut service| {
        service.outside = Arc::new(World { server });
        if let Some(broker) = &mut service.broker {
            broker.tls = Tls::trusting(vec![authority.clone()]);
        }
        Egress::serve(ends, service)
    });
    house.begin_in(serve);
}

pub fn give(house: &House, name: &str, host: &str, agents: &[&str], projects: &[&str]) {
    let words = |list: &[&str]| list.iter().map(ToString::to_string).collect();
    let binding = Binding { agents: words(agents), projects: words(projects) };
    let new = New {
        name: name.into(),
        host: host.into(),
        header: HEADER.into(),
        user: None,
        binding,
        secret: Secret::new(canary()),
    };
    Credentials::new(house.paths().credentials()).add(new).expect("kept");
}

/// Files below a folder in which the canary is; the one where it belongs is left out.
fn files_with_it(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            if !path.ends_with("credentials") {
                files_with_it(&path, found);
            }
        } else if path.is_file() {
            let text = String::from_utf8_lossy(&std::fs::read(&path).expect("a file")).into_owned();
            if text.contains("canary") {
                found.push(path.display().to_string());
            }
        }
    }
}

pub fn a_credential_is_used_and_never_seen(mut house: House) {
    let (server, asked, authority) = tls_server(&["forge.example"]);
    live_in(&mut house, server, authority);
    give(&house, "forge", "forge.example", &["caller"], &[EVERY]);
    give(&house, "other", "forge.example", &["caller"], &["/somewhere/else"]);
    let looks = "\
        ai_onboard says net ask \"$AI_ONBOARD_CREDENTIAL_FORGE_URL/user\"\n\
        ai_onboard says net ask http://other.credential.onboard/user\n\
        AI_ONBOARD_TOKEN=aio-of-another-run ai_onboard says net ask \"$AI_ONBOARD_CREDENTIAL_FORGE_URL/x\"\n\
        env | grep -c '[c]anary'\n\
        cat /proc/*/environ /proc/*/cmdline 2>/dev/null | grep -ac '[c]anary'\n\
        grep -rlas '[c]anary' /etc /tmp /run /home /root /var /project\n\
        ls /project/state/credentials 2>/dev/null\n\
        true\n";
    house.script("caller", "", looks);
    house.script("stranger", "", "ai_onboard says net ask http://forge.credential.onboard/user\n");
    house.register();
    let run = house.run("caller").expect("a run");
    assert_eq!(house.ended(run), "succeeded: ");
    let log = house.log("caller", run);
    expect![[r#"
        info stdout ask http://forge.credential.onboard/user : HTTP/1.1 200 OK | GET /user HTTP/1.1 | Host: forge.example | Connection: close | Accept-Encoding: identity | Content-Length: 0 | authorization: ***************************
        info stdout ask http://other.credential.onboard/user : no such name
        info stdout ask http://forge.credential.onboard/x : HTTP/1.1 401 Refused | ai_onboard: the token of this very run is needed, as it is in the environment
        info stdout 0
        info stdout 0
    "#]].assert_eq(&log);
    let asked = asked.lock().expect("no panic").clone();
    assert_eq!(
        asked.matches(&format!("authorization: Bearer {}\r\n", canary())).count(),
        1,
        "{asked}"
    );
    // It is no host of the stranger's, who has no network at all.
    let run = house.run("stranger").expect("a run");
    house.ended(run);
    assert!(house.log("stranger", run).ends_with(": no such name\n"));
    let mut found = Vec::new();
    files_with_it(&house.paths().state, &mut found);
    files_with_it(&house.paths().runtime, &mut found);
    files_with_it(house.project(), &mut found);
    assert_eq!(found, Vec::<String>::new());
}

/// The facts of models until a run's end, and what was refused.
fn facts(published: &Receiver<Published>, run: RunId) -> String {
    let mut text = String::new();
    loop {
        for event in &published.recv().expect("a daemon").batch.events {
            match event {
                Event::Model { fact } => match &**fact {
                    Fact::Reserved { reservation, .. } => {
                        let Spend { tokens, micros } = reservation.spend;
                        writeln!(text, "reserved {tokens} {micros}").expect("a string");
                    }
                    Fact::Settled { spend, ending, .. } => {
                        writeln!(text, "settled {} {} {ending:?}", spend.tokens, spend.micros)
                            .expect("a string");
                    }
                },
                Event::ViolationRecorded { violation: v, .. } if v.rule == Rule::BudgetExceeded => {
                    let why = v.resolved.as_deref().unwrap_or_default();
                    let why = why.split(" has ").next().unwrap_or_default();
                    writeln!(text, "! {} {}: {} ({why})", v.rule, v.what, v.target)
                        .expect("a string");
                }
                Event::RunEnded { run: ended, .. } if *ended == run => {
                    // An answer may be at its end a moment before that is written down.
                    let mut lines: Vec<&str> = text.lines().collect();
                    lines.sort_unstable();
                    return lines.join("\n");
                }
                _ => {}
            }
        }
    }
}

fn models(house: &House, endpoint: SocketAddr, budgets: &str) {
    // Where somebody gave one.
    let is_given = Credentials::new(house.paths().credentials()).get("key").is_ok();
    let key = if is_given { "credential: key\n    " } else { "" };
    let text = format!(
        "models:\n  - name: small\n    endpoint: http://{endpoint}/v1\n    model: m-1\n    \
         {key}agents: [thinker]\n    projects: ['*']\n    max_output_tokens: 50\n    \
         price: {{ input: 1.0, output: 10 }}\nbudgets: {budgets}\n"
    );
    std::fs::create_dir_all(house.paths().models().parent().expect("a folder")).expect("folder");
    std::fs::write(house.paths().models(), text).expect("models");
}

/// Asks the model, as its library would be told to.
const ASK: &str = "ai_onboard says net ask \"$OPENAI_BASE_URL/chat/completions\" \
     '{\"model\":\"m-1\",\"messages\":[{\"content\":\"hi\"}]}'\n";

pub fn a_model_is_asked_inside_its_budget(mut house: House) {
    let (server, _, authority) = tls_server(&["forge.example"]);
    let (endpoint, asked) = endpoint();
    live_in(&mut house, server, authority);
    give(&house, "key", &format!("http://{endpoint}"), &["thinker"], &[EVERY]);
    models(&house, endpoint, "{ per_run: { tokens: 250, cost: 0.10 } }");
    // The model's key opens no door of its own: that would lead around the budget.
    let around = "ai_onboard says net ask http://key.credential.onboard/v1/chat/completions '{}'\n";
    let script = format!("echo $OPENAI_MODEL\n{}{around}", ASK.repeat(3));
    house.script("thinker", "", &script);
    house.register();
    let published = house.handle().follow();
    let run = house.run("thinker").expect("a run");
    house.ended(run);
    let folder = house.paths().config.display().to_string();
    let said = format!("{}{}", house.log("thinker", run), facts(&published, run));
    expect![[r#"
        info stdout m-1
        info stdout ask http://small.model.onboard/v1/chat/completions {"model":"m-1","messages":[{"content":"hi"}]}: HTTP/1.1 200 OK | {"choices":[{"message":{"content":"hello"}}],"usage":{"prompt_tokens":60,"completion_tokens":40}}
        info stdout ask http://small.model.onboard/v1/chat/completions {"model":"m-1","messages":[{"content":"hi"}]}: HTTP/1.1 200 OK | {"choices":[{"message":{"content":"hello"}}],"usage":{"prompt_tokens":60,"completion_tokens":40}}
        info stdout ask http://small.model.onboard/v1/chat/completions {"model":"m-1","messages":[{"content":"hi"}]}: HTTP/1.1 402 Refused | {"error":{"code":"per_run.tokens","message":"ai_onboard: the budget per_run.tokens of 250 tokens (CONFIG/models.yaml:10:31) has 50 tokens left, and this request may need 111 tokens","param":null,"type":"budget_exceeded"}}
        info stdout ask http://key.credential.onboard/v1/chat/completions {}: no such name
        ! budget_exceeded ask model: small.model.onboard at per_run.tokens (the budget per_run.tokens of 250 tokens (CONFIG/models.yaml:10:31))
        reserved 111 561
        reserved 111 561
        settled 100 460 Reported
        settled 100 460 Reported"#]].assert_eq(&said.replace(&folder, "CONFIG").replace("has 39 tokens", "has 50 tokens"));
    assert_eq!(asked.lock().expect("no panic").matches("POST /v1/chat/completions").count(), 2);
    assert_eq!(asked.lock().expect("no panic").matches(&canary()).count(), 2);
    house.handle().read(|state| {
        assert_eq!(state.models.total, Spend { tokens: 200, micros: 920 });
        assert!(state.models.open.is_empty() && state.models.runs.is_empty());
    });
    // A day's budget counts across runs, and waiting helps.
    models(&house, endpoint, "{ per_agent_day: { tokens: 250 } }");
    let run = house.run("thinker").expect("a run");
    house.ended(run);
    let log = house.log("thinker", run);
    assert!(log.contains("429 Refused") && log.contains("per_agent_day.tokens"), "{log}");
    // A file that is wrong gives nobody anything.
    models(&house, endpoint, "{ per_run: { tokens: lots } }");
    let run = house.run("thinker").expect("a run");
    house.ended(run);
    let log = house.log("thinker", run);
    assert!(!log.contains("HTTP/1.1") && log.ends_with(": no such name\n"), "{log}");
}

pub fn what_a_dead_daemon_set_aside_counts_in_full(mut house: House) {
    let (endpoint, _) = endpoint();
    models(&house, endpoint, "{}");
    let script = "ai_onboard says net begin \"$OPENAI_BASE_URL/chat/completions\" \
        '{\"model\":\"m-1\",\"stream\":true,\"messages\":[{\"content\":\"never end\"}]}' &\n\
        while ! [ -e /tmp/begun ]; do sleep 0.05; done\n\
        ai_onboard says save at work\n\
        ai_onboard says wait\n";
    house.script("thinker", "", script);
    house.register();
    let process = house.die_at_work("thinker");
    house.begin();
    assert!(!lives(&process));
    house.handle().read(|state| {
        assert!(state.models.open.is_empty());
        let Spend { tokens, micros } = state.models.total;
        assert!(tokens > 100 && micros > 500, "{tokens} {micros}");
        assert_eq!(onboard_domain::check::check(state), Vec::<String>::new());
    });
}

pub fn an_allowed_host_has_a_door(mut house: House) {
    let (server, asked, authority) = tls_server(&["good.example"]);
    live_in(&mut house, server, authority);
    let policy = "background_agent_safety:\n  action_restrictions:\n    network:\n      \
         allowed_domains: [good.example, other.example]\n";
    std::fs::write(house.paths().user_policy(), policy).expect("a policy");
    let script = "echo $AI_ONBOARD_HOSTS\n\
        ai_onboard says net ask http://good.example.host.onboard/x\n\
        AI_ONBOARD_TOKEN=of-another ai_onboard says net ask http://good.example.host.onboard/y\n\
        ai_onboard says net ask http://other.example.host.onboard/x\n\
        ai_onboard says net ask http://evil.example.host.onboard/x\n";
    house.script("caller", "", script);
    house.register();
    let run = house.run("caller").expect("a run");
    house.ended(run);
    expect![[r#"
        info stdout good.example other.example
        info stdout ask http://good.example.host.onboard/x : HTTP/1.1 200 OK | GET /x HTTP/1.1 | Host: good.example | Connection: close | Accept-Encoding: identity | Content-Length: 0
        info stdout ask http://good.example.host.onboard/y : HTTP/1.1 401 Refused | ai_onboard: the token of this very run is needed, as it is in the environment
        info stdout ask http://other.example.host.onboard/x : HTTP/1.1 502 Refused | ai_onboard: other.example: invalid peer certificate: certificate not valid for name "other.example"; certificate is only valid for DnsName("good.example")
        info stdout ask http://evil.example.host.onboard/x : no such name
    "#]].assert_eq(&house.log("caller", run));
    assert_eq!(asked.lock().expect("no panic").matches("GET /x HTTP/1.1").count(), 1);
}

pub fn a_program_checks_for_itself_whom_it_speaks_to(mut house: House) {
    let (server, asked, authority) = tls_server(&["good.example"]);
    house.file("authority", "");
    std::fs::write(house.project().join("authority"), &authority).expect("a file");
    live_in(&mut house, server, authority);
    let policy = "background_agent_safety:\n  action_restrictions:\n    network:\n      \
         allowed_domains: [good.example, other.example]\n";
    std::fs::write(house.paths().user_policy(), policy).expect("a policy");
    let script = "ai_onboard says net trust /project/authority good.example\n\
        ai_onboard says net trust /project/authority other.example\n\
        ai_onboard says net trust /project/authority evil.example\n";
    house.script("caller", "", script);
    house.register();
    let run = house.run("caller").expect("a run");
    house.ended(run);
    expect![[r#"
        info stdout trust /project/authority good.example: HTTP/1.1 200 Fine
        info stdout trust /project/authority other.example: invalid peer certificate: certificate not valid for name "other.example"; certificate is only valid for DnsName("good.example")
        info stdout trust /project/authority evil.example: no such name
    "#]].assert_eq(&house.log("caller", run));
    assert_eq!(asked.lock().expect("no panic").matches("GET / HTTP/1.1").count(), 1);
}
