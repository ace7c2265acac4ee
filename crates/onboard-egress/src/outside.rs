//! The one place where a name becomes an address and a connection leaves.

use crate::address::is_public;
use crate::decide::Refusal;
use crate::host::Host;
use onboard_domain::violation::Rule;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long one address may take to answer.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// Addresses that are tried, of those that a name has.
const ATTEMPTS: usize = 3;

/// Names and connections outside. Tests bring their own; what may be dialled is decided before it.
pub trait Outside: Send + Sync {
    /// Every address of a name.
    ///
    /// # Errors
    /// When it has none, or nobody could be asked.
    fn resolve(&self, host: &Host, port: u16) -> io::Result<Vec<SocketAddr>>;

    /// The same as any program of this machine asks: by its own list of hosts and its own domain, too,
    /// which is where names of one's own network are.
    ///
    /// # Errors
    /// As [`Outside::resolve`].
    fn resolve_here(&self, host: &Host, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.resolve(host, port)
    }

    /// A connection to that very address.
    ///
    /// # Errors
    /// When there is none.
    fn connect(&self, address: SocketAddr) -> io::Result<TcpStream>;
}

/// The host's own resolver and network.
#[derive(Clone, Copy, Debug)]
pub struct Internet;

impl Outside for Internet {
    fn resolve(&self, host: &Host, port: u16) -> io::Result<Vec<SocketAddr>> {
        // With the final dot no search domain is tried.
        Ok((format!("{host}."), port).to_socket_addrs()?.collect())
    }

    fn resolve_here(&self, host: &Host, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok((host.as_str(), port).to_socket_addrs()?.collect())
    }

    fn connect(&self, address: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::connect_timeout(&address, CONNECT_PATIENCE)
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) enum Unreachable {
    /// The name leads somewhere it may not.
    Refused(Refusal, SocketAddr),
    Failed(io::Error),
}

/// Asks for the name once, looks at every address, and dials one of those that were looked at.
pub(crate) fn reach(
    outside: &dyn Outside,
    host: &Host,
    port: u16,
    may_be_private: bool,
) -> Result<TcpStream, Unreachable> {
    let addresses = match may_be_private {
        true => outside.resolve_here(host, port),
        false => outside.resolve(host, port),
    };
    let addresses = addresses.map_err(Unreachable::Failed)?;
    let refused = |address: &&SocketAddr| !may_be_private && !is_public(address.ip());
    if let Some(private) = addresses.iter().find(refused) {
        let why = format!("{host} leads to {}, which is not public", private.ip());
        return Err(Unreachable::Refused(Refusal::new(Rule::PrivateAddress, why), *private));
    }
    let mut last = io::Error::new(io::ErrorKind::NotFound, "it has no address");
    for address in addresses.iter().take(ATTEMPTS) {
        match outside.connect(*address) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(Unreachable::Failed(last))
}
