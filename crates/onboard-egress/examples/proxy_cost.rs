//! What the proxy costs: a connection through it and bytes through it, beside the same without a
//! proxy and through `tinyproxy`.
//!
//! `proxy_cost ROUNDS`: each round makes connections one after another and then one transfer, in
//! every way in turn. A connection is made, sends a `ClientHello` and is over with the first byte
//! of the answer. Names lead to a server of this program; everything else is what agents have. Ends
//! with one JSON line: of each way the microseconds of every connection and the mebibytes a second
//! of every transfer; `tinyproxy` only where it is installed.

#![allow(
    clippy::disallowed_methods,
    reason = "a measurement needs the clock, and a proxy beside it"
)]

use onboard_egress::host::Host;
use onboard_egress::{Datagrams, Egress, End, Limits, Meter, Outside, Role, Rules, Service};
use std::fs;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Instant;

const NAME: &str = "files.example";
/// Connections of one round, each way.
const CONNECTIONS: usize = 50;
/// Bytes of one transfer.
const TRANSFER: u64 = 256 << 20;

/// A world whose every public address is one server.
struct World(SocketAddr);

impl Outside for World {
    fn resolve(&self, _: &Host, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(vec![SocketAddr::new([140, 82, 121, 3].into(), port)])
    }

    fn connect(&self, _: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect(self.0)
    }
}

/// One way to the server.
struct Way {
    name: &'static str,
    to: SocketAddr,
    /// What the proxy is asked for; without one there is no proxy.
    target: Option<String>,
    connects_us: Vec<f64>,
    rates_mib: Vec<f64>,
}

impl Way {
    fn new(name: &'static str, to: SocketAddr, target: Option<String>) -> Way {
        Way { name, to, target, connects_us: Vec::new(), rates_mib: Vec::new() }
    }

    /// Measures one round.
    fn round(&mut self, hello: &[u8], counts: bool) -> io::Result<()> {
        let ask = |bytes| ask(self.to, self.target.as_deref(), hello, bytes);
        let times = (0..CONNECTIONS).map(|_| ask(1)).collect::<io::Result<Vec<f64>>>()?;
        let rate = (TRANSFER >> 20) as f64 / ask(TRANSFER)?;
        if counts {
            self.connects_us.extend(times.iter().map(|seconds| seconds * 1e6));
            self.rates_mib.push(rate);
        }
        Ok(())
    }
}

fn main() -> io::Result<()> {
    let rounds = std::env::args().nth(1).map_or(3, |n| n.parse().expect("a number"));
    let hello = hello();
    let server = serve(hello.len())?;
    let (_egress, ours) = proxy(server)?;
    let tiny = Tinyproxy::start()?;
    let mut ways =
        vec![Way::new("direct", server, None), Way::new("ours", ours, Some(format!("{NAME}:443")))];
    if let Some(tiny) = &tiny {
        ways.push(Way::new("tinyproxy", tiny.address, Some(server.to_string())));
    }
    // The first round fills caches and is not counted.
    for round in 0..=rounds {
        for way in &mut ways {
            way.round(&hello, round > 0)?;
        }
    }
    let line = |way: &Way| format!("\"{}\":[{:?},{:?}]", way.name, way.connects_us, way.rates_mib);
    println!("{{{}}}", ways.iter().map(line).collect::<Vec<_>>().join(","));
    Ok(())
}

/// Connects, through a proxy when there is a target to name to it, asks for so many bytes and reads
/// them. Returns the seconds it took.
fn ask(to: SocketAddr, target: Option<&str>, hello: &[u8], bytes: u64) -> io::Result<f64> {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    if let Some(target) = target {
        write!(stream, "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n")?;
        let head = head(&mut stream)?;
        if !head.contains(" 200 ") {
            return Err(io::Error::other(format!("the proxy said {head}")));
        }
    }
    stream.write_all(&[hello, &bytes.to_be_bytes()].concat())?;
    let mut buffer = vec![0; 1 << 16];
    let mut left = bytes;
    while left > 0 {
        match stream.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            length => left -= length as u64,
        }
    }
    Ok(begun.elapsed().as_secs_f64())
}

/// The head of an answer; nothing comes after it before the client speaks.
fn head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut piece)? {
            0 => break,
            length => head.extend_from_slice(&piece[..length]),
        }
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}

/// A server that reads a hello and a number, and sends so many bytes.
fn serve(hello: usize) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || send(stream, hello));
        }
    });
    Ok(address)
}

fn send(mut stream: TcpStream, hello: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut asked = vec![0; hello + 8];
    stream.read_exact(&mut asked)?;
    let number = asked[hello..].try_into().map_err(io::Error::other)?;
    let mut left = u64::from_be_bytes(number);
    let bytes = vec![b'x'; 1 << 16];
    while left > 0 {
        let length = left.min(bytes.len() as u64);
        stream.write_all(&bytes[..length as usize])?;
        left -= length;
    }
    Ok(())
}

/// The product's proxy on an ordinary socket, with room for what is measured.
fn proxy(server: SocketAddr) -> io::Result<(Egress, SocketAddr)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let begun = Instant::now();
    let service = Service {
        rules: Rules {
            allowed: [NAME.to_string()].into(),
            forbidden_protocols: ["ssh".to_string()].into(),
            deny_ech: true,
            requests_per_min: u32::MAX,
        },
        meter: Arc::new(Mutex::new(Meter::new(u32::MAX, 0))),
        outside: Arc::new(World(server)),
        broker: None,
        limits: Limits { connections: 64, bytes_per_s: 1 << 40, bytes_per_run: 1 << 50 },
        // Nobody asks for names here.
        datagrams: Datagrams {
            receive: |_, _| Err(io::ErrorKind::Unsupported.into()),
            answer: |_, _, _, _| Err(io::ErrorKind::Unsupported.into()),
        },
        now_ms: Arc::new(move || begun.elapsed().as_millis() as u64),
        report: Arc::new(|violation| eprintln!("refused: {violation:?}")),
    };
    let ends = vec![End { role: Role::Proxy, socket: listener.into() }];
    Ok((Egress::serve(ends, service)?, address))
}

/// `tinyproxy` as it comes, but for its address; ended with the value.
struct Tinyproxy {
    child: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl Tinyproxy {
    /// `None` where it is not installed.
    fn start() -> io::Result<Option<Tinyproxy>> {
        let folder = tempfile::tempdir()?;
        // The port is free now, and nobody else is told of it.
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let settings = folder.path().join("tinyproxy.conf");
        let log = folder.path().join("log");
        let text = format!(
            "Port {}\nListen 127.0.0.1\nAllow 127.0.0.1\nMaxClients 100\nTimeout 60\n\
             LogLevel Error\nLogFile \"{}\"\n",
            address.port(),
            log.display()
        );
        fs::write(&settings, text)?;
        let mut command = Command::new("tinyproxy");
        command.arg("-d").arg("-c").arg(&settings).stdout(Stdio::null());
        let child = match command.spawn() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            child => child?,
        };
        let mut started = Tinyproxy { child, address, _folder: folder };
        while TcpStream::connect(address).is_err() {
            if let Some(status) = started.child.try_wait()? {
                return Err(io::Error::other(format!("tinyproxy ended: {status}")));
            }
            std::thread::yield_now();
        }
        Ok(Some(started))
    }
}

impl Drop for Tinyproxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A `ClientHello` that names the host.
fn hello() -> Vec<u8> {
    let length = NAME.len() as u8;
    let mut extensions = vec![0, 0, 0, length + 5, 0, length + 3, 0, 0, length];
    extensions.extend(NAME.as_bytes());
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 1, 1, 0, 0, extensions.len() as u8]);
    body.extend(extensions);
    let mut message = vec![22, 3, 1, 0, body.len() as u8 + 4, 1, 0, 0, body.len() as u8];
    message.extend(body);
    message
}
