//! TLS from the real binary to real servers: an authority of one's own vouches for one of them, and the
//! others are not who they should be and hear nothing.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the servers are this test's"
)]

use super::World;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

type Authority = Issuer<'static, KeyPair>;

/// An authority, and its certificate in PEM.
fn authority(name: &str) -> (Authority, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = params.self_signed(&key).unwrap();
    (Issuer::new(params, key), pem(own.der()))
}

fn pem(der: &[u8]) -> String {
    let text = onboard_egress::broker::secret::base64(der);
    let lines = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap());
    let lines: String = lines.map(|line| format!("{line}\n")).collect();
    format!("-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n")
}

/// A server with a certificate by this authority, and what it hears: of this machine's `localhost`.
fn server(by: &Authority, name: &str, until: i32) -> (String, Receiver<String>) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_string()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(1990, 1, 1), date_time_ymd(until, 1, 1));
    let own = params.signed_by(&key, by).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], key)
        .unwrap();
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").unwrap());
    let url = format!("https://localhost:{}/x", listener.local_addr().unwrap().port());
    let (tell, heard) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            let (mut text, mut byte) = (String::new(), [0]);
            while !text.ends_with("\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
                text.push(char::from(byte[0]));
            }
            if !text.is_empty() {
                let _ = tell.send(text);
            }
            let _ = stream.write_all(b"HTTP/1.1 204 Fine\r\n\r\n");
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    (url, heard)
}

#[test]
fn only_a_host_that_is_who_it_should_be_is_told() {
    let world = World::new();
    let ((own, own_pem), (stranger, _)) = (authority("own"), authority("stranger"));
    let config = world.home.path().join("config");
    std::fs::create_dir_all(&config).unwrap();
    let file = config.join("own.pem");
    std::fs::write(&file, own_pem).unwrap();
    let servers = [
        ("good", server(&own, "localhost", 4096), ""),
        ("over", server(&own, "localhost", 2001), "certificate expired"),
        ("other", server(&own, "other.example", 4096), "not valid for name \"localhost\""),
        ("stranger", server(&stranger, "localhost", 4096), "UnknownIssuer"),
    ];
    for (name, (url, _), _) in &servers {
        let add = ["hooks", "add", name, "--to", url, "--generate", "--on", "emergency"];
        world.check(&[&add[..], &["--private"]].concat(), 0, "is told of emergency");
    }
    // Without the authority nobody is who they should be.
    world.check(&["hooks", "test", "good"], 1, "UnknownIssuer");
    let certificates = format!("daemon: {{ certificates: '{}' }}\n", file.display());
    std::fs::write(config.join("config.yaml"), certificates).unwrap();
    for (name, _, says) in &servers {
        let code = i32::from(!says.is_empty());
        world.check(&["hooks", "test", name], code, says);
    }
    // The daemon trusts the same, and says why it doesn't tell the others.
    world.check(&["daemon", "start"], 0, "running");
    world.check(&["bg", "emergency-shutdown", "--reason", "smoke"], 0, "");
    let (_, (_, heard), _) = &servers[0];
    for _ in 0..2 {
        let request = heard.recv_timeout(Duration::from_secs(60)).unwrap();
        assert!(request.starts_with("POST /x HTTP/1.1\r\nHost: localhost:"), "{request}");
    }
    for (name, (_, heard), says) in &servers[1..] {
        let shown = (0..1_000).map(|_| world.run(&["hooks", "show", name]).1);
        assert!(shown.into_iter().any(|shown| shown.contains(says)), "{name}: {says}");
        assert!(heard.try_recv().is_err(), "{name} was told");
    }
    // A public host is meant where nobody says otherwise, whatever this machine's own list of hosts has.
    let (url, heard) = &servers[0].1;
    world.check(&["hooks", "add", "public", "--to", url, "--generate"], 0, "");
    world.check(&["hooks", "test", "public"], 1, "localhost");
    assert!(heard.try_recv().is_err());
}
