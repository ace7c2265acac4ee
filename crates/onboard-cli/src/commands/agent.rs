//! `agent NAME`: a built-in agent inside its sandbox, talking to its host over the inherited socket.

use super::Done;
use crate::brokered::{Brokered, BrokeredModel};
use crate::failure::{Failure, Kind};
use onboard_agents::host::Model;
use onboard_protocol::{Patient, Stream};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// The inherited socket as the protocol's stream.
pub struct HostStream(UnixStream);

impl HostStream {
    /// Over a socket to the host.
    pub(super) fn over(socket: UnixStream) -> HostStream {
        HostStream(socket)
    }
}

impl Stream for HostStream {
    type Error = io::Error;

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }
}

impl Patient for HostStream {
    /// By poll: a time limit of the socket would be one for every process that has it.
    fn read_within(&mut self, buffer: &mut [u8], patience: Duration) -> io::Result<Option<usize>> {
        let within = Timespec::try_from(patience).map_err(io::Error::other)?;
        match poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&within)) {
            Ok(0) | Err(Errno::INTR) => Ok(None),
            Ok(_) => self.0.read(buffer).map(Some),
            Err(error) => Err(error.into()),
        }
    }
}

/// The host of this run.
///
/// # Errors
/// When this process was not started as an agent.
pub fn host() -> Result<HostStream, Failure> {
    socket().map(HostStream)
}

pub(super) fn socket() -> Result<UnixStream, Failure> {
    onboard_sandbox::inherited_host_socket().map_err(|error| {
        Failure::new(Kind::Failed, format!("no host here: {error}"))
            .hint("this command works inside an agent's run; the daemon starts those")
    })
}

pub fn run(name: &str) -> Done {
    let agent = onboard_agents::builtins().iter().find(|agent| agent.name == name);
    let agent = agent.ok_or_else(|| {
        Failure::new(Kind::NoSuchAgent, format!("there is no built-in agent `{name}`"))
    })?;
    let git_dir = std::env::var_os("AI_ONBOARD_GIT_DIR").map(PathBuf::from);
    let text = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    let variables: Vec<(String, String)> = std::env::vars_os().filter_map(text).collect();
    let model = BrokeredModel::of(&variables).map(|model| Box::new(model) as Box<dyn Model>);
    let doors = Box::new(Brokered::of(&variables));
    onboard_agents::run(agent, socket()?, git_dir, model, doors)
        .map_err(|error| Failure::new(Kind::Failed, error.to_string()))?;
    Ok(ExitCode::SUCCESS)
}
