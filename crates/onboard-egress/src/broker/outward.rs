//! The way out of the broker: a connection to the one host that was configured.

use crate::decide::Refusal;
use crate::host::{self, Host};
use crate::outside::{Outside, Unreachable, reach};
use core::fmt;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long the other side may take to say who it is, however it trickles.
const HANDSHAKE: Duration = Duration::from_secs(20);

/// Where requests go: a host by TLS, or a server of this very machine that was named by its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    to: To,
    /// What stands before the paths of requests; empty, or with a slash at its start only.
    path: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum To {
    Tls(Host, u16),
    Loopback(SocketAddr),
}

/// Why a text is no target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetError {
    /// Neither `https://` nor a loopback address.
    Scheme,
    Host(host::HostError),
    Path,
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme => f.write_str(
                "it begins with `https://`, or with `http://`, the loopback address and a port, such as `http://127.0.0.1:11434`",
            ),
            Self::Host(error) => write!(f, "{error}"),
            Self::Path => f.write_str("its path has a character that no plain path has"),
        }
    }
}

impl Target {
    /// A host by TLS, `example.org` or `example.org:8443`.
    ///
    /// # Errors
    /// When that is no host's name.
    pub fn host(text: &str) -> Result<Target, TargetError> {
        let (host, port) =
            host::authority(text.as_bytes(), Some(443)).map_err(TargetError::Host)?;
        Ok(Target { to: To::Tls(host, port), path: String::new() })
    }

    /// An address as people write it.
    ///
    /// # Errors
    /// When it is none, or would leave this machine unencrypted.
    pub fn url(text: &str) -> Result<Target, TargetError> {
        let (scheme, rest) = text.split_once("://").ok_or(TargetError::Scheme)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-._~".contains(c);
        let mut parts = path.split('/');
        if !path.chars().all(is_plain) || parts.any(|part| part == "." || part == "..") {
            return Err(TargetError::Path);
        }
        let to = match scheme {
            "https" => Target::host(authority)?.to,
            "http" => To::Loopback(loopback(authority).ok_or(TargetError::Scheme)?),
            _ => return Err(TargetError::Scheme),
        };
        Ok(Target { to, path: path.trim_end_matches('/').into() })
    }

    /// A server of this machine at whatever address it listens, as `http://192.0.2.7:8722/x`: nobody
    /// else may be meant by it.
    ///
    /// # Errors
    /// When it is none.
    pub fn listener(url: &str) -> Result<Target, TargetError> {
        let rest = url.strip_prefix("http://").ok_or(TargetError::Scheme)?;
        let (address, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let address = address.parse().map_err(|_| TargetError::Scheme)?;
        Ok(Target { to: To::Loopback(address), path: path.into() })
    }

    /// The host's name, where it has one: what a policy allows or not.
    pub fn name(&self) -> Option<&str> {
        match &self.to {
            To::Tls(host, _) => Some(host.as_str()),
            To::Loopback(_) => None,
        }
    }

    /// Whether both are the same host at the same port.
    pub fn is_at(&self, other: &Target) -> bool {
        self.to == other.to
    }

    /// What stands before the paths of requests.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// Host and port, without a port where it is the usual one: what the `Host` field says.
    pub fn authority(&self) -> String {
        match &self.to {
            To::Tls(host, 443) => host.to_string(),
            To::Tls(host, port) => format!("{host}:{port}"),
            To::Loopback(address) => address.to_string(),
        }
    }

    /// Whether an absolute address leads to the same place; its path then.
    pub(crate) fn same<'a>(&self, url: &'a str) -> Option<&'a str> {
        let (scheme, rest) = url.split_once("://")?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let to = match scheme.to_ascii_lowercase().as_str() {
            "https" => Target::host(authority).ok()?.to,
            "http" => To::Loopback(loopback(authority)?),
            _ => return None,
        };
        (to == self.to).then_some(path)
    }

    /// A connection. Its host's addresses are public, unless a person said that they need not be.
    pub(crate) fn dial(
        &self,
        outside: &dyn Outside,
        tls: &Tls,
        may_be_private: bool,
        clock: &dyn Fn() -> Duration,
    ) -> Result<Server, Unreachable> {
        match &self.to {
            // Its owner wrote this very address: nothing is resolved, and nothing else is reached.
            To::Loopback(address) => {
                outside.connect(*address).map(Server::Plain).map_err(Unreachable::Failed)
            }
            To::Tls(host, port) => {
                let config = tls.config().map_err(Unreachable::Failed)?;
                let stream = reach(outside, host, *port, may_be_private)?;
                let name = ServerName::try_from(host.to_string())
                    .map_err(|error| Unreachable::Failed(io::Error::other(error)))?;
                let connection = ClientConnection::new(config, name)
                    .map_err(|error| Unreachable::Failed(io::Error::other(error)))?;
                greet(connection, stream, clock).map_err(Unreachable::Failed)
            }
        }
    }
}

/// Finds out who the other side is, before anything is said to it.
fn greet(
    mut connection: ClientConnection,
    mut stream: TcpStream,
    clock: &dyn Fn() -> Duration,
) -> io::Result<Server> {
    let until = clock() + HANDSHAKE;
    stream.set_write_timeout(Some(HANDSHAKE))?;
    // Not `complete_io`: it reads until the handshake is over, and each read has its own time.
    while connection.is_handshaking() || connection.wants_write() {
        let left = until.saturating_sub(clock());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if connection.wants_write() {
            connection.write_tls(&mut stream)?;
            continue;
        }
        stream.set_read_timeout(Some(left))?;
        match connection.read_tls(&mut stream) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        if let Err(error) = connection.process_new_packets() {
            // The other side may be told why.
            let _ = connection.write_tls(&mut stream);
            return Err(io::Error::new(io::ErrorKind::InvalidData, error));
        }
    }
    Ok(Server::Tls(Box::new(StreamOwned::new(connection, stream))))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if matches!(self.to, To::Tls(..)) { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

/// An address of this machine itself, with its port.
fn loopback(text: &str) -> Option<SocketAddr> {
    let address: SocketAddr = text.parse().ok()?;
    let is_loopback = match address.ip() {
        IpAddr::V4(v4) => v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_loopback(),
    };
    (is_loopback && address.port() != 0).then_some(address)
}

/// Whom this machine trusts to say who a host is.
#[derive(Clone)]
pub struct Tls(Result<Arc<ClientConfig>, String>);

impl Tls {
    /// The machine's own certificates, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`; and besides them
    /// those in `more`, a file of PEM. Where that has none, nobody is trusted, and it is said why.
    pub fn of_this_machine(more: Option<&Path>) -> Tls {
        let mut found = rustls_native_certs::load_native_certs();
        if let Some(file) = more {
            let own = rustls_native_certs::load_certs_from_paths(Some(file), None);
            if own.certs.is_empty() || !own.errors.is_empty() {
                let errors: Vec<String> = own.errors.iter().map(ToString::to_string).collect();
                let why =
                    if errors.is_empty() { "none is there".into() } else { errors.join("; ") };
                return Tls(Err(format!("the certificates in {}: {why}", file.display())));
            }
            found.certs.extend(own.certs);
        }
        if found.certs.is_empty() {
            let errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
            let why = if errors.is_empty() { "none is there".into() } else { errors.join("; ") };
            return Tls(Err(format!("this machine has no certificates to check a host by: {why}")));
        }
        Tls::trusting(found.certs)
    }

    /// These certificates alone.
    pub fn trusting(certificates: Vec<CertificateDer<'static>>) -> Tls {
        let mut roots = RootCertStore::empty();
        // One that can't be read trusts nobody, and the others go on.
        let _ = roots.add_parsable_certificates(certificates);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map(|config| config.with_root_certificates(roots).with_no_client_auth());
        Tls(match config {
            Ok(mut config) => {
                config.alpn_protocols = vec![b"http/1.1".to_vec()];
                Ok(Arc::new(config))
            }
            Err(error) => Err(error.to_string()),
        })
    }

    /// Why nobody can be trusted; nothing where somebody is.
    pub fn problem(&self) -> Option<&str> {
        self.0.as_ref().err().map(String::as_str)
    }

    fn config(&self) -> io::Result<Arc<ClientConfig>> {
        self.0.clone().map_err(io::Error::other)
    }
}

/// The other side.
pub(crate) enum Server {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Server {
    /// Its socket, to time it and to end it.
    pub(crate) fn socket(&self) -> &TcpStream {
        match self {
            Server::Plain(stream) => stream,
            Server::Tls(stream) => stream.get_ref(),
        }
    }

    /// What is there, or what one read of the socket brings, so that whoever waits can look at a clock;
    /// `Interrupted` where that is a part of a record.
    pub(crate) fn read_once(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let Server::Tls(stream) = self else { return self.read(bytes) };
        let StreamOwned { conn, sock } = &mut **stream;
        match conn.reader().read(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
        conn.complete_io(sock)?;
        conn.reader().read(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => io::ErrorKind::Interrupted.into(),
            _ => error,
        })
    }
}

impl Read for Server {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Server::Plain(stream) => stream.read(buffer),
            Server::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Server {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Server::Plain(stream) => stream.write(bytes),
            Server::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Server::Plain(stream) => stream.flush(),
            Server::Tls(stream) => stream.flush(),
        }
    }
}

/// What is said of a host that can't be reached.
pub(crate) fn told(target: &Target, unreachable: &Unreachable) -> (u16, String, Option<Refusal>) {
    match unreachable {
        Unreachable::Refused(refusal, _) => (403, refusal.why.clone(), Some(refusal.clone())),
        Unreachable::Failed(error) => (502, format!("{}: {error}", target.authority()), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn a_target_is_a_host_by_tls_or_this_machine_by_its_address() {
        let cases = [
            "https://api.example.org/v1/",
            "https://api.example.org:8443",
            "http://127.0.0.1:11434/v1",
            "http://[::1]:8080",
            "http://api.example.org/v1",
            "http://localhost:11434",
            "http://127.0.0.1",
            "http://10.1.2.3:80",
            "http://0.0.0.0:80",
            "https://127.0.0.1/",
            "https://u@api.example.org/",
            "https://api.example.org/v1/../admin",
            "https://api.example.org/v1?x",
            "ftp://api.example.org",
            "api.example.org",
        ];
        let line = |case: &&str| match Target::url(case) {
            Ok(target) => format!("{case}: {target}\n"),
            Err(error) => {
                format!("{case}: {}\n", error.to_string().split(',').next().unwrap_or(""))
            }
        };
        expect![[r#"
            https://api.example.org/v1/: https://api.example.org/v1
            https://api.example.org:8443: https://api.example.org:8443
            http://127.0.0.1:11434/v1: http://127.0.0.1:11434/v1
            http://[::1]:8080: http://[::1]:8080
            http://api.example.org/v1: it begins with `https://`
            http://localhost:11434: it begins with `https://`
            http://127.0.0.1: it begins with `https://`
            http://10.1.2.3:80: it begins with `https://`
            http://0.0.0.0:80: it begins with `https://`
            https://127.0.0.1/: an address is no name
            https://u@api.example.org/: a user stands before the host
            https://api.example.org/v1/../admin: its path has a character that no plain path has
            https://api.example.org/v1?x: its path has a character that no plain path has
            ftp://api.example.org: it begins with `https://`
            api.example.org: it begins with `https://`
        "#]]
        .assert_eq(&cases.iter().map(line).collect::<String>());
    }

    #[test]
    fn the_same_place_is_recognised_however_it_is_written() {
        let target = Target::host("api.example.org").expect("a host");
        assert_eq!(target.same("https://API.example.org./x?y"), Some("/x?y"));
        assert_eq!(target.same("https://api.example.org:443"), Some(""));
        let others = "https://api.example.org:8443/ http://api.example.org/ https://evil.example/ \
            https://api.example.org@evil.example/ https://evil.example#api.example.org //x /x";
        assert!(others.split(' ').all(|other| target.same(other).is_none()));
    }
}
