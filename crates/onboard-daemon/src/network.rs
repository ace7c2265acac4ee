//! An agent's network: what its permit lets it reach, and the proxy that serves its runs.

use crate::brokerage::{Brokerage, Trust};
use crate::clock::Pace;
use crate::ledger::Ledger;
use onboard_domain::AgentId;
use onboard_egress::{Datagrams, Egress, End, Internet, Limits, Meter, Role, Rules, Service};
use onboard_policy::Assessment;
use onboard_sandbox::{EndKind, PROXY_PORT, Running, recv_from_asked, send_as};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Agents whose requests are remembered beyond a run; far more than run in one minute.
const METERS: usize = 4096;

/// What each agent asked of the network lately: starting again doesn't give it more.
pub(crate) struct Meters {
    clock: Arc<Pace>,
    known: Mutex<BTreeMap<AgentId, Arc<Mutex<Meter>>>>,
}

impl Meters {
    pub(crate) fn new() -> Meters {
        Meters { clock: Arc::new(Pace::begin()), known: Mutex::default() }
    }

    fn of(&self, agent: AgentId, per_min: u32) -> Arc<Mutex<Meter>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= METERS {
            known.retain(|_, meter| Arc::strong_count(meter) > 1);
        }
        let new = || Arc::new(Mutex::new(Meter::new(per_min, ms(&self.clock))));
        let meter = Arc::clone(known.entry(agent).or_insert_with(new));
        meter.lock().unwrap_or_else(PoisonError::into_inner).limit(per_min);
        meter
    }
}

fn ms(clock: &Pace) -> u64 {
    u64::try_from(clock.now().0).unwrap_or(0)
}

/// What a run may reach, and how much of it.
pub(crate) struct Reach {
    rules: Rules,
    limits: Limits,
    brokerage: Option<Brokerage>,
}

/// What a run may reach; nothing at all, and then it has no network, where no host is allowed and
/// nothing is brokered for it.
pub(crate) fn reach(bounds: &Assessment, brokerage: Option<Brokerage>) -> Option<Reach> {
    let permitted = bounds.limits();
    let rules = Rules {
        allowed: bounds.allowed_domains().iter().cloned().collect(),
        forbidden_protocols: bounds.forbidden_protocols().iter().cloned().collect(),
        deny_ech: bounds.deny_ech(),
        requests_per_min: permitted.network_requests_per_min,
    };
    let limits = Limits {
        connections: usize::try_from(permitted.connections).unwrap_or(usize::MAX),
        bytes_per_s: u64::from(permitted.bandwidth_kb_per_sec) << 10,
        bytes_per_run: u64::from(permitted.transfer_mb) << 20,
    };
    let is_any = !rules.allowed.is_empty() || brokerage.is_some();
    is_any.then_some(Reach { rules, limits, brokerage })
}

impl Reach {
    /// What is decided by, for a question.
    pub(crate) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// What tells the agent's programs of its network.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let mut variables = onboard_egress::environment(PROXY_PORT);
        variables.extend(self.brokerage.iter().flat_map(Brokerage::environment));
        variables
    }
}

/// What serves a run's network. The product has [`internet`]; a test may bring its own world.
pub type Serve = Arc<dyn Fn(Vec<End>, Service) -> io::Result<Egress> + Send + Sync>;

/// The host's own resolver and network.
pub fn internet() -> Serve {
    Arc::new(Egress::serve)
}

/// Serves the run's network until the value is dropped.
///
/// # Errors
/// When it can't be served. The ends are closed then, so that every connection of the run is
/// refused, but a run that was promised a network isn't left without.
pub(crate) fn serve(
    serve: &Serve,
    meters: &Meters,
    agent: AgentId,
    reach: Reach,
    (trust, ledger): (&Trust, Ledger),
    running: &Running,
) -> io::Result<Egress> {
    let end = |end: onboard_sandbox::End| End {
        role: match end.place.kind {
            EndKind::Proxy => Role::Proxy,
            EndKind::Tcp => Role::at(end.place.port, false),
            EndKind::Udp => Role::at(end.place.port, true),
        },
        socket: end.socket,
    };
    let ends = running.take_network().into_iter().map(end).collect();
    let (clock, reports) = (Arc::clone(&meters.clock), running.reports().clone());
    let Reach { rules, limits, brokerage } = reach;
    let service = Service {
        meter: meters.of(agent, rules.requests_per_min),
        rules,
        outside: Arc::new(Internet),
        broker: brokerage.map(|brokerage| brokerage.broker(trust, ledger)),
        limits,
        datagrams: Datagrams { receive: recv_from_asked, answer: send_as },
        now_ms: Arc::new(move || ms(&clock)),
        report: Arc::new(move |violation| reports.push(violation)),
    };
    serve(ends, service)
}
