//! Requests at the doors of the broker, over real sockets and real TLS: what reaches the host, what
//! comes back, what is refused, and that a secret is nowhere but in the one request.

use expect_test::{Expect, expect};
use onboard_domain::model::{Ending, Spend};
use onboard_domain::violation::Violation;
use onboard_egress::broker::secret::base64;
use onboard_egress::broker::{
    Broker, Credential, Door, Ledger, NoRoom, Secret, Target, Terms, Tls,
};
use onboard_egress::host::Host;
use onboard_egress::{Datagrams, Egress, End, Limits, Meter, Outside, Role, Rules, Service};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

const SECRET: &str = "sk-canary/0123456789+\"x\"";
const TOKEN: &str = "run-token-aaaaaaaaaaaaaaaa";

/// The world outside: one server, whatever the address.
struct World {
    server: SocketAddr,
    dialled: Mutex<Vec<SocketAddr>>,
}

impl Outside for World {
    fn resolve(&self, host: &Host, port: u16) -> io::Result<Vec<SocketAddr>> {
        let address = if host.as_str() == "inside.example" { "10.0.0.1" } else { "140.82.121.3" };
        Ok(vec![SocketAddr::new(address.parse().expect("an address"), port)])
    }

    fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        self.dialled.lock().expect("no panic").push(address);
        TcpStream::connect(self.server)
    }
}

/// An authority, and a host's certificate by it.
fn certificates(name: &str) -> (CertificateDer<'static>, Arc<ServerConfig>) {
    certificates_of(name, (1975, 4096))
}

/// The same, valid from the beginning of one year to that of another.
fn certificates_of(
    name: &str,
    (from, to): (i32, i32),
) -> (CertificateDer<'static>, Arc<ServerConfig>) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = params.self_signed(&key).expect("an authority");
    let issuer = Issuer::new(params, key);
    let own_key = KeyPair::generate().expect("a key");
    let mut own = CertificateParams::new(vec![name.to_string()]).expect("parameters");
    (own.not_before, own.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(to, 1, 1));
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
    (authority.der().clone(), Arc::new(config))
}

/// Everything that the server outside was asked.
type Asked = Arc<Mutex<String>>;

/// Answers each request by its path, by TLS where it has a certificate.
fn server(tls: Option<Arc<ServerConfig>>) -> (SocketAddr, Asked) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = listener.local_addr().expect("an address");
    let asked = Asked::default();
    let all = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (tls, asked) = (tls.clone(), Arc::clone(&asked));
            std::thread::spawn(move || match tls {
                Some(config) => {
                    let connection = ServerConnection::new(config).expect("a connection");
                    let mut stream = StreamOwned::new(connection, stream);
                    serve_one(&mut stream, &asked);
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                    let _ = stream.sock.shutdown(Shutdown::Write);
                }
                None => {
                    let mut stream = stream;
                    serve_one(&mut stream, &asked);
                    let _ = stream.shutdown(Shutdown::Write);
                }
            });
        }
    });
    (address, all)
}

fn serve_one(stream: &mut (impl Read + Write), asked: &Asked) {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    let length = loop {
        match stream.read(&mut piece) {
            Ok(length @ 1..) => bytes.extend_from_slice(&piece[..length]),
            _ => return,
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some(head) = text.find("\r\n\r\n") else { continue };
        let field = text[..head].lines().find_map(|line| line.strip_prefix("Content-Length: "));
        let body = field.map_or(0, |length| length.parse::<usize>().expect("a number"));
        if bytes.len() >= head + 4 + body {
            break head;
        }
    };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    asked.lock().expect("no panic").push_str(&text);
    let path = text.split(' ').nth(1).unwrap_or_default().split('?').next().unwrap_or_default();
    let _ = stream.write_all(&answer(path, &text, &text[..length]));
}

fn answer(path: &str, request: &str, head: &str) -> Vec<u8> {
    let with = |fields: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 200 Fine\r\n{fields}Content-Length: {length}\r\n\r\n{body}").into_bytes()
    };
    let redirect = |to: &str| {
        format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n").into_bytes()
    };
    let events = |usage: &str| {
        let part = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n".repeat(3);
        with("Content-Type: text/event-stream\r\n", &format!("{part}{usage}data: [DONE]\n\n"))
    };
    match path {
        "/echo" => {
            let echoed = head.replace("\r\n", "|");
            with(&format!("X-Echo: {echoed}\r\nSet-Cookie: session=1\r\n"), request)
        }
        "/pieces" => {
            let halves = SECRET.split_at(5);
            let pieces = [halves.0, halves.1, " and more"];
            let body: String =
                pieces.iter().map(|p| format!("{:x}\r\n{p}\r\n", p.len())).collect();
            format!("HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n{body}0\r\nX-Trailer: {SECRET}\r\n\r\n").into_bytes()
        }
        "/cut" => b"HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc".to_vec(),
        "/home" => redirect("https://api.example/echo?x=1"),
        "/away" => redirect("https://evil.example/steal"),
        "/aside" => redirect("//evil.example/steal"),
        "/packed" => with("Content-Encoding: gzip\r\n", "x"),
        "/twice" => b"HTTP/1.1 200 Fine\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n".to_vec(),
        "/switch" => b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n".to_vec(),
        "/h2" => b"\0\0\x12\x04\0\0\0\0\0".to_vec(),
        "/refused" => b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n".to_vec(),
        "/v1/chat/completions" if request.contains("\"stream\":true") && request.contains("silent") => events(""),
        "/v1/chat/completions" if request.contains("\"stream\":true") => events(
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":3}}\n\n",
        ),
        "/v1/chat/completions" if request.contains("fail") => {
            b"HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno".to_vec()
        }
        "/v1/completions" => {
            let output = if request.contains("greedy") { 5_000 } else { 30 };
            with(
                "Content-Type: application/json\r\n",
                &format!("{{\"choices\":[],\"usage\":{{\"prompt_tokens\":6,\"completion_tokens\":{output}}}}}"),
            )
        }
        "/v1/chat/completions" => with(
            "Content-Type: application/json\r\n",
            "{\"choices\":[{\"message\":{\"content\":\"hello\"}}],\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":7}}",
        ),
        _ => with("", "ordinary"),
    }
}

/// Counts what is spent; a budget of a thousand tokens.
#[derive(Default)]
struct Book(Mutex<Vec<String>>);

impl Ledger for Book {
    fn reserve(&self, model: &str, most: Spend) -> Result<u64, NoRoom> {
        let mut book = self.0.lock().expect("no panic");
        if most.tokens > 1_000 {
            return Err(NoRoom {
                budget: Some("per_run.tokens".into()),
                why: "the budget per_run.tokens of 1000 tokens (models.yaml:9:5) has 1000 left"
                    .into(),
                retry_after_s: None,
            });
        }
        book.push(format!("{model} reserved {} tokens, {} micros", most.tokens, most.micros));
        Ok(book.len() as u64)
    }

    fn settle(&self, id: u64, spend: Spend, ending: Ending) {
        let line =
            format!("#{id} came to {} tokens, {} micros: {ending:?}", spend.tokens, spend.micros);
        self.0.lock().expect("no panic").push(line);
    }
}

struct Net {
    egress: Option<Egress>,
    proxy: SocketAddr,
    seen: Arc<Mutex<Vec<Violation>>>,
    asked: Asked,
    world: Arc<World>,
    book: Arc<Book>,
}

fn door(name: &str, target: Target) -> Door {
    let credential = Credential {
        name: "api".into(),
        field: "x-token".into(),
        value: Secret::new(format!("key {SECRET}")),
        secret: Secret::new(SECRET),
    };
    Door { name: name.into(), target, credential: Some(credential), model: None }
}

impl Net {
    fn new() -> Net {
        let (authority, config) = certificates("api.example");
        let (server, asked) = server(Some(config));
        let host = |name| Target::host(name).expect("a host");
        let doors = vec![
            door("api.credential.onboard", host("api.example")),
            door("other.credential.onboard", host("other.example")),
            door("inside.credential.onboard", host("inside.example")),
        ];
        Net::with(server, asked, doors, Tls::trusting(vec![authority]))
    }

    fn of_models() -> Net {
        let (server, asked) = server(None);
        let model = Terms {
            name: "small".into(),
            model: "m-1".into(),
            max_output_tokens: 100,
            origin: "models.yaml:5:24".into(),
            image_tokens: None,
            input_price: 2_000_000,
            output_price: 8_000_000,
        };
        let target = Target::url("http://127.0.0.1:11434/v1/").expect("a target");
        let seeing = Terms { name: "seeing".into(), image_tokens: Some(50), ..model.clone() };
        let at = |name: &str, model| Door { model: Some(model), ..door(name, target.clone()) };
        let doors = vec![at("small.model.onboard", model), at("seeing.model.onboard", seeing)];
        Net::with(server, asked, doors, Tls::trusting(Vec::new()))
    }

    fn with(server: SocketAddr, asked: Asked, doors: Vec<Door>, tls: Tls) -> Net {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
        listener.set_nonblocking(true).expect("non-blocking");
        let proxy = listener.local_addr().expect("an address");
        let world = Arc::new(World { server, dialled: Mutex::default() });
        let (seen, book) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Book::default()));
        let (reported, clock) = (Arc::clone(&seen), AtomicU64::new(0));
        let service = Service {
            rules: Rules {
                allowed: ["evil.example".to_string()].into(),
                deny_ech: true,
                requests_per_min: 500,
                ..Rules::default()
            },
            meter: Arc::new(Mutex::new(Meter::new(500, 0))),
            outside: world.clone(),
            broker: Some(Broker { token: Secret::new(TOKEN), doors, tls, ledger: book.clone() }),
            limits: Limits::default(),
            datagrams: Datagrams {
                receive: |_, _| Err(io::ErrorKind::Unsupported.into()),
                answer: |_, _, _, _| Ok(()),
            },
            now_ms: Arc::new(move || clock.fetch_add(20, Ordering::SeqCst)),
            report: Arc::new(move |violation| reported.lock().expect("no panic").push(violation)),
        };
        let ends = vec![End { role: Role::Proxy, socket: listener.into() }];
        let egress = Some(Egress::serve(ends, service).expect("served"));
        Net { egress, proxy, seen, asked, world, book }
    }

    /// What comes back for some bytes.
    fn say(&self, words: &str) -> String {
        let mut stream = TcpStream::connect(self.proxy).expect("connected");
        // Who was refused doesn't read on.
        let _ = stream.write_all(words.as_bytes());
        let mut heard = Vec::new();
        let _ = stream.read_to_end(&mut heard);
        String::from_utf8_lossy(&heard).replace('\r', "")
    }

    fn get(&self, door: &str, path: &str) -> String {
        self.say(&format!(
            "GET http://{door}{path} HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        ))
    }

    fn ask(&self, path: &str, body: &str) -> String {
        self.ask_at("small.model.onboard", path, body)
    }

    fn ask_at(&self, door: &str, path: &str, body: &str) -> String {
        self.say(&format!(
            "POST http://{door}{path} HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
    }

    /// Ends it: what was reported, in which no secret may be.
    fn seen(mut self) -> String {
        drop(self.egress.take());
        let seen = self.seen.lock().expect("no panic");
        let line = |v: &Violation| {
            let why = v.resolved.as_deref().unwrap_or_default();
            format!("! {} {}: {} ({why})\n", v.rule, v.what, v.target)
        };
        let text: String = seen.iter().map(line).collect();
        let text = text.replace(&self.proxy.to_string(), "PROXY");
        assert!(!text.contains("canary") && !text.contains(TOKEN), "{text}");
        text
    }
}

fn first(heard: &str) -> String {
    let mut lines = heard.lines();
    let status = lines.next().unwrap_or("(nothing)").to_string();
    let last = lines.next_back().unwrap_or_default();
    let last: String = last.chars().take(150).collect();
    if last.starts_with("ai_onboard: ") { format!("{status}: {last}") } else { status }
}

#[test]
fn the_host_gets_the_credential_and_the_agent_never_does() {
    let net = Net::new();
    let heard = net.say(&format!(
        "POST http://api.credential.onboard/echo?q=1 HTTP/1.1\r\nAuthorization: Bearer {TOKEN}\r\n\
         X-Token: mine\r\nX_Token: mine\r\nX-Copy: a {TOKEN} b\r\nCookie: c\r\nX-Forwarded-Host: evil\r\n\
         Accept: */*\r\nContent-Length: 5\r\n\r\nhelloGET /second HTTP/1.1\r\n\r\n"
    ));
    let asked = net.asked.lock().expect("no panic").replace('\r', "");
    let known = asked.replace(SECRET, "SECRET");
    expect![[r#"
        POST /echo?q=1 HTTP/1.1
        Host: api.example
        Connection: close
        Accept-Encoding: identity
        Content-Length: 5
        accept: */*
        x-token: key SECRET

        hello"#]]
    .assert_eq(&known);
    assert!(!heard.contains("canary") && !heard.contains("0123456789"), "{heard}");
    assert!(heard.starts_with("HTTP/1.1 200 OK\n") && heard.ends_with("hello"), "{heard}");
    assert!(heard.contains("x-echo: POST /echo") && heard.contains("x-token: *****"), "{heard}");
    assert!(!heard.contains("session=1"), "{heard}");
    let pieces = net.get("api.credential.onboard", "/pieces");
    assert!(pieces.contains("transfer-encoding: chunked"), "{pieces}");
    assert!(pieces.contains(" and more") && pieces.ends_with("0\n\n"), "{pieces}");
    assert!(!pieces.contains("canary") && !pieces.contains("sk-"), "{pieces}");
    assert_eq!(
        *net.world.dialled.lock().expect("no panic"),
        ["140.82.121.3:443".parse().unwrap(); 2]
    );
    assert_eq!(net.seen(), "");
}

#[test]
fn nobody_else_gets_it() {
    let net = Net::new();
    let get = |path: &str, fields: &str| {
        net.say(&format!("GET http://api.credential.onboard{path} HTTP/1.1\r\n{fields}\r\n"))
    };
    let token = format!("Authorization: Bearer {TOKEN}\r\n");
    let basic = "eDpydW4tdG9rZW4tYWFhYWFhYWFhYWFhYWFhYQ==";
    let heard = [
        get("/", ""),
        get("/", "Authorization: Bearer run-token-bbbbbbbbbbbbbbbb\r\n"),
        get("/", &format!("X-Other: {TOKEN}\r\n")),
        get("/", &format!("Authorization: Basic {basic}\r\n")),
        get("/", &format!("Private-Token: {TOKEN}\r\n")),
        get("/", &format!("{token}Host: evil.example\r\n")),
        get("/", &format!("{token}Transfer-Encoding: chunked\r\n")),
        get("/", &format!("{token}Content-Length: 1\r\nContent-Length: 2\r\n")),
        get("/", &format!("{token}X: a\r\n b\r\n")),
        net.say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        net.say("CONNECT api.credential.onboard:443 HTTP/1.1\r\n\r\n"),
        net.get("api.credential.onboard:8080", "/"),
        net.get("api.credential.onboard@evil.example", "/"),
        net.get("none.credential.onboard", "/"),
        net.get("api.credential.onboard.evil.example", "/"),
        net.get("other.credential.onboard", "/"),
        net.get("inside.credential.onboard", "/"),
        net.get("api.credential.onboard", "/away"),
        net.get("api.credential.onboard", "/aside"),
        net.get("api.credential.onboard", "/packed"),
        net.get("api.credential.onboard", "/twice"),
        net.get("api.credential.onboard", "/switch"),
        net.get("api.credential.onboard", "/h2"),
        net.get("api.credential.onboard", "/refused"),
    ];
    let home = net.get("api.credential.onboard", "/home");
    assert!(home.contains("\nlocation: http://api.credential.onboard/echo?x=1\n"), "{home}");
    let cut = net.get("api.credential.onboard", "/cut");
    assert!(cut.contains("\nab") && !cut.contains("0\n\n"), "what is cut off looks whole: {cut}");
    let old = net.say(&format!("GET http://api.credential.onboard/pieces HTTP/1.0\r\n{token}\r\n"));
    assert!(!old.contains("chunked") && old.ends_with(" and more"), "{old}");
    let all = heard.concat();
    assert!(!all.contains("canary") && !all.contains(TOKEN), "{all}");
    check(
        net,
        &heard,
        expect![[r#"
        HTTP/1.1 401 Refused: ai_onboard: the token of this very run is needed, as it is in the environment
        HTTP/1.1 401 Refused: ai_onboard: the token of this very run is needed, as it is in the environment
        HTTP/1.1 401 Refused: ai_onboard: the token of this very run is needed, as it is in the environment
        HTTP/1.1 200 OK
        HTTP/1.1 200 OK
        HTTP/1.1 400 Refused: ai_onboard: the request has two different hosts
        HTTP/1.1 411 Refused: ai_onboard: the body of the request needs a Content-Length
        HTTP/1.1 400 Refused: ai_onboard: the length of the request's body is not one number
        HTTP/1.1 400 Refused: ai_onboard: this is no request of HTTP/1
        HTTP/1.1 400 Refused: ai_onboard: this is no request of HTTP/1
        HTTP/1.1 403 Refused: ai_onboard: api.credential.onboard is spoken to by plain HTTP at port 80, as http://api.credential.onboard/
        HTTP/1.1 403 Refused: ai_onboard: api.credential.onboard is spoken to by plain HTTP at port 80, as http://api.credential.onboard/
        HTTP/1.1 403 Refused: ai_onboard: a user stands before the host
        HTTP/1.1 403 Refused: ai_onboard: none.credential.onboard is not in allowed_domains
        HTTP/1.1 403 Refused: ai_onboard: api.credential.onboard.evil.example is not in allowed_domains
        HTTP/1.1 502 Refused: ai_onboard: other.example: invalid peer certificate: certificate not valid for name "other.example"; certificate is only valid for DnsName("api.exampl
        HTTP/1.1 403 Refused: ai_onboard: inside.example leads to 10.0.0.1, which is not public
        HTTP/1.1 502 Refused: ai_onboard: api.example sends to another host, and nothing follows there
        HTTP/1.1 502 Refused: ai_onboard: api.example sends to another host, and nothing follows there
        HTTP/1.1 502 Refused: ai_onboard: api.example: its answer is packed, though that was not asked for
        HTTP/1.1 502 Refused: ai_onboard: api.example: the end of its answer can be understood in two ways
        HTTP/1.1 502 Refused: ai_onboard: api.example: it changes to another protocol
        HTTP/1.1 502 Refused: ai_onboard: api.example: its answer is not HTTP/1
        HTTP/1.1 429 Refused
        ! forbidden_credential use credential: GET api.credential.onboard/ (the token of this very run is needed, as it is in the environment)
        ! forbidden_credential use credential: GET api.credential.onboard/ (the token of this very run is needed, as it is in the environment)
        ! forbidden_credential use credential: GET api.credential.onboard/ (the token of this very run is needed, as it is in the environment)
        ! forbidden_protocol speak http: PROXY (the request has two different hosts)
        ! forbidden_protocol speak http: PROXY (the body of the request needs a Content-Length)
        ! forbidden_protocol speak http: PROXY (the length of the request's body is not one number)
        ! forbidden_protocol speak http: PROXY (this is no request of HTTP/1)
        ! forbidden_protocol speak http: PROXY (this is no request of HTTP/1)
        ! forbidden_port connect: api.credential.onboard:443 (api.credential.onboard is spoken to by plain HTTP at port 80, as http://api.credential.onboard/)
        ! forbidden_port request http: api.credential.onboard:8080 (api.credential.onboard is spoken to by plain HTTP at port 80, as http://api.credential.onboard/)
        ! forbidden_host request http: api.credential.onboard@evil.example (a user stands before the host)
        ! forbidden_host request http: none.credential.onboard:80 (none.credential.onboard is not in allowed_domains)
        ! forbidden_host request http: api.credential.onboard.evil.example:80 (api.credential.onboard.evil.example is not in allowed_domains)
        ! private_address use credential: GET inside.credential.onboard/ (inside.example leads to 10.0.0.1, which is not public)
    "#]],
    );
}

#[test]
fn a_model_is_asked_inside_its_budget() {
    let net = Net::of_models();
    let messages = r#""messages":[{"role":"user","content":"hi"}]"#;
    let chat = |more: &str| {
        net.ask("/v1/chat/completions", &format!("{{\"model\":\"m-1\",{more}{messages}}}"))
    };
    let whole = chat("");
    assert!(whole.contains("hello"), "{whole}");
    let stream = chat("\"stream\":true,");
    assert!(!stream.contains("usage") && stream.contains("[DONE]"), "{stream}");
    let silent =
        chat("\"stream\":true,\"stream_options\":{\"include_usage\":false},\"x\":\"silent\",");
    assert!(silent.contains("[DONE]"), "{silent}");
    chat("\"x\":\"fail\",");
    let heard = [
        chat(&format!("\"x\":\"{}\",", "y".repeat(2_000))),
        chat("\"max_tokens\":101,"),
        chat("\"max_tokens\":1,\"MAX_TOKENS\":99,"),
        net.ask("/v1/chat/completions", "{\"model\":\"m-2\"}"),
        net.ask("/v1/files", "{\"model\":\"m-1\"}"),
        net.ask("/v1/../admin", "{\"model\":\"m-1\"}"),
        net.get("small.model.onboard", "/v1/chat/completions"),
        net.say("GET http://small.model.onboard/v1/models HTTP/1.1\r\n\r\n"),
    ];
    let models = net.get("small.model.onboard", "/v1/models");
    assert!(models.contains("\"id\":\"m-1\""), "{models}");
    assert!(heard[0].contains("\"code\":\"per_run.tokens\""), "{}", heard[0]);
    let asked = net.asked.lock().expect("no panic").clone();
    assert_eq!(asked.matches("{\"max_tokens\":100,").count(), 4, "{asked}");
    assert_eq!(asked.matches("x-token: key ").count(), 4, "{asked}");
    let book = net.book.0.lock().expect("no panic").join("\n");
    assert_eq!(
        *net.world.dialled.lock().expect("no panic"),
        ["127.0.0.1:11434".parse().unwrap(); 4]
    );
    expect![[r#"
        small reserved 176 tokens, 952 micros
        #1 came to 18 tokens, 78 micros: Reported
        small reserved 230 tokens, 1060 micros
        #3 came to 8 tokens, 34 micros: Reported
        small reserved 244 tokens, 1088 micros
        #5 came to 244 tokens, 1088 micros: Unknown
        small reserved 187 tokens, 974 micros
        #7 came to 0 tokens, 0 micros: Unused"#]]
    .assert_eq(&book);
    check(
        net,
        &heard,
        expect![[r#"
        HTTP/1.1 402 Refused
        HTTP/1.1 400 Refused
        HTTP/1.1 400 Refused
        HTTP/1.1 404 Refused
        HTTP/1.1 404 Refused
        HTTP/1.1 404 Refused
        HTTP/1.1 404 Refused
        HTTP/1.1 401 Refused
        ! budget_exceeded ask model: small.model.onboard at per_run.tokens (the budget per_run.tokens of 1000 tokens (models.yaml:9:5) has 1000 left)
        ! forbidden_credential use credential: POST small.model.onboard/v1/files (a model can be asked by POST at /v1/chat/completions, /v1/completions, /v1/embeddings)
        ! forbidden_credential use credential: POST small.model.onboard/v1/../admin (a model can be asked by POST at /v1/chat/completions, /v1/completions, /v1/embeddings)
        ! forbidden_credential use credential: GET small.model.onboard/v1/chat/completions (a model can be asked by POST at /v1/chat/completions, /v1/completions, /v1/embeddings)
        ! forbidden_credential use credential: GET small.model.onboard/v1/models (the token of this very run is needed, as it is in the environment)
    "#]],
    );
}

#[test]
fn nothing_is_asked_for_that_was_not_set_aside() {
    let net = Net::of_models();
    let complete = |more: &str| {
        net.ask("/v1/completions", &format!("{{\"model\":\"m-1\",\"max_tokens\":10,{more}}}"))
    };
    let picture = "{\"model\":\"m-1\",\"max_tokens\":10,\"messages\":[{\"content\":[{\"type\":\
        \"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}}]}]}";
    let heard = [
        complete("\"prompt\":\"a\""),
        complete("\"prompt\":[\"a\",\"b\",\"c\"],\"n\":2"),
        complete("\"prompt\":[[1],[2],[3],[4],[5],[6],[7],[8],[9]],\"best_of\":16"),
        complete("\"prompt\":\"greedy\""),
        complete("\"prompt\":\"a\",\"n_predict\":101"),
        net.ask("/v1/embeddings", "{\"model\":\"m-1\",\"input\":[\"a\",\"b\"]}"),
        net.ask("/v1/chat/completions", picture),
        net.ask_at("seeing.model.onboard", "/v1/chat/completions", picture),
        net.ask("/v1/chat/completions", "{\"model\":\"m-1\",\"models\":[\"m-9\"]}"),
    ];
    let book = net.book.0.lock().expect("no panic").join("\n");
    expect![[r#"
        small reserved 54 tokens, 168 micros
        #1 came to 36 tokens, 252 micros: Reported
        small reserved 120 tokens, 600 micros
        #3 came to 36 tokens, 252 micros: Reported
        small reserved 59 tokens, 178 micros
        #5 came to 5006 tokens, 40012 micros: Reported
        small reserved 33 tokens, 66 micros
        #7 came to 33 tokens, 66 micros: Unknown
        seeing reserved 184 tokens, 428 micros
        #9 came to 18 tokens, 78 micros: Reported"#]]
    .assert_eq(&book);
    check(
        net,
        &heard,
        expect![[r#"
        HTTP/1.1 200 OK
        HTTP/1.1 200 OK
        HTTP/1.1 402 Refused
        HTTP/1.1 200 OK
        HTTP/1.1 400 Refused
        HTTP/1.1 200 OK
        HTTP/1.1 400 Refused
        HTTP/1.1 200 OK
        HTTP/1.1 400 Refused
        ! budget_exceeded use more than was set aside: small.model.onboard (the endpoint counts 36 tokens and 252 millionths, 54 and 168 were set aside)
        ! budget_exceeded ask model: small.model.onboard at per_run.tokens (the budget per_run.tokens of 1000 tokens (models.yaml:9:5) has 1000 left)
        ! budget_exceeded use more than was set aside: small.model.onboard (the endpoint counts 5006 tokens and 40012 millionths, 59 and 178 were set aside)
    "#]],
    );
}

/// What a host shows of itself.
struct Shown {
    name: &'static str,
    years: (i32, i32),
    /// Whether the authority that is trusted signed it.
    is_vouched: bool,
}

/// What the agent gets at the door of `api.example`, and what that host hears.
fn met(shown: &Shown) -> (String, String) {
    let (authority, config) = certificates_of(shown.name, shown.years);
    let trusted = if shown.is_vouched { authority } else { certificates(shown.name).0 };
    let (server, asked) = server(Some(config));
    let doors = vec![door("api.credential.onboard", Target::host("api.example").expect("a host"))];
    let net = Net::with(server, asked, doors, Tls::trusting(vec![trusted]));
    let heard = first(&net.get("api.credential.onboard", "/"));
    let asked = net.asked.lock().expect("no panic").clone();
    (heard, asked)
}

#[test]
fn a_host_that_is_not_who_it_should_be_hears_nothing() {
    let good = Shown { name: "api.example", years: (1975, 4096), is_vouched: true };
    let cases = [
        ("over", Shown { years: (1975, 2001), ..good }),
        ("not yet", Shown { years: (4000, 4096), ..good }),
        ("another", Shown { name: "other.example", ..good }),
        ("a stranger's", Shown { is_vouched: false, ..good }),
    ];
    let (heard, asked) = met(&good);
    assert!(heard == "HTTP/1.1 200 OK" && asked.contains(SECRET), "{heard} {asked}");
    let mut text = String::new();
    for (what, shown) in cases {
        let (heard, asked) = met(&shown);
        assert_eq!(asked, "", "{what}");
        // Times in it are today's.
        let heard = heard.split(": verification time").next().unwrap_or_default();
        text.push_str(&format!("{what}: {heard}\n"));
    }
    expect![[r#"
        over: HTTP/1.1 502 Refused: ai_onboard: api.example: invalid peer certificate: certificate expired
        not yet: HTTP/1.1 502 Refused: ai_onboard: api.example: invalid peer certificate: certificate not valid yet
        another: HTTP/1.1 502 Refused: ai_onboard: api.example: invalid peer certificate: certificate not valid for name "api.example"; certificate is only valid for DnsName("other.example"
        a stranger's: HTTP/1.1 502 Refused: ai_onboard: api.example: invalid peer certificate: BadSignature
    "#]].assert_eq(&text);
}

#[test]
fn an_authority_of_ones_own_is_trusted_besides_the_machines() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("own.pem");
    let why = |tls: Tls| tls.problem().map(str::to_owned).unwrap_or_default();
    let missing = why(Tls::of_this_machine(Some(&file)));
    assert!(missing.contains("own.pem"), "{missing}");
    std::fs::write(&file, "no certificate").expect("written");
    let empty = why(Tls::of_this_machine(Some(&file)));
    assert!(empty.ends_with("own.pem: none is there"), "{empty}");

    let (authority, config) = certificates("api.example");
    let pem = base64(&authority)
        .as_bytes()
        .chunks(64)
        .fold(String::new(), |text, line| text + std::str::from_utf8(line).expect("text") + "\n");
    let pem = format!("-----BEGIN CERTIFICATE-----\n{pem}-----END CERTIFICATE-----\n");
    std::fs::write(&file, pem).expect("written");
    let (server, asked) = server(Some(config));
    let doors = vec![door("api.credential.onboard", Target::host("api.example").expect("a host"))];
    let net = Net::with(server, asked, doors, Tls::of_this_machine(Some(&file)));
    assert_eq!(first(&net.get("api.credential.onboard", "/")), "HTTP/1.1 200 OK");
}

fn check(net: Net, heard: &[String], expect: Expect) {
    let mut text = String::new();
    for heard in heard {
        text.push_str(&first(heard));
        text.push('\n');
    }
    expect.assert_eq(&(text + &net.seen()));
}
