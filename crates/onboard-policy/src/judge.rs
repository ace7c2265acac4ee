//! The one judge: may this run be launched, and inside which limits?

use crate::policy::{EffectiveLimits, Lists, Policy, PolicyInForce};
use crate::walls::{Wall, Walls};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use onboard_domain::spec::{AgentSpec, Limits};
use onboard_domain::state::Phase;
use onboard_domain::{AgentId, Generation, RunId, State};

/// A run that somebody wants to launch: the schedule, a person, an event. The judge does not know
/// which, and treats all alike.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    pub agent: AgentId,
    /// What would be launched.
    pub spec: &'a AgentSpec,
    pub run: RunId,
    pub generation: Generation,
    /// What this host can enforce.
    pub walls: &'a Walls,
}

/// Why a run may not be launched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Stable name of the rule.
    pub rule: &'static str,
    pub message: String,
    /// What would have to be done, and by whom.
    pub how_to_ask: String,
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}); {}", self.message, self.rule, self.how_to_ask)
    }
}

impl core::error::Error for Denial {}

/// The right to launch one run, once, inside what it says. Only [`judge`] makes one; who launches
/// takes it by value.
///
/// It can't be written down by anybody else:
///
/// ```compile_fail,E0451
/// # fn forge(limits: onboard_policy::EffectiveLimits) -> onboard_policy::Permit {
/// onboard_policy::Permit {
///     agent: onboard_domain::AgentId(1),
///     run: onboard_domain::RunId(1),
///     generation: onboard_domain::Generation(1),
///     bounds: unreachable!(),
/// }
/// # }
/// ```
///
/// nor used for two runs:
///
/// ```compile_fail,E0599
/// fn twice(permit: onboard_policy::Permit) -> (onboard_policy::Permit, onboard_policy::Permit) {
///     (permit.clone(), permit)
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Permit {
    agent: AgentId,
    run: RunId,
    generation: Generation,
    bounds: Assessment,
}

/// What an agent may do under a policy on a host, before any run is asked for. Grants nothing.
#[derive(Debug, PartialEq, Eq)]
pub struct Assessment {
    limits: EffectiveLimits,
    lists: Arc<Lists>,
    missing_walls: Vec<Wall>,
}

impl Assessment {
    /// Limits in force.
    pub fn limits(&self) -> EffectiveLimits {
        self.limits
    }

    /// Paths of the project that stay read-only.
    pub fn read_only_paths(&self) -> &[String] {
        &self.lists.read_only_paths
    }

    /// Paths of the project that can't be read; they count more than the read-only ones.
    pub fn forbidden_paths(&self) -> &[String] {
        &self.lists.forbidden_paths
    }

    /// Hosts that may be reached, by exact lower-case name; an empty list allows none.
    pub fn allowed_domains(&self) -> &[String] {
        &self.lists.allowed_domains
    }

    /// Whether the daemon may reach a host for the agent, with a credential or as a model, because its
    /// user said so. What an organisation or a project says of hosts is stronger than that.
    pub fn may_broker(&self, host: &str) -> bool {
        !self.lists.domains_bind || self.allowed_domains().iter().any(|allowed| allowed == host)
    }

    /// Protocols that may not be spoken, by lower-case name.
    pub fn forbidden_protocols(&self) -> &[String] {
        &self.lists.forbidden_protocols
    }

    /// Whether TLS that hides a second host is refused.
    pub fn deny_ech(&self) -> bool {
        self.lists.deny_ech
    }

    /// Programs that may not be started, by name without path.
    pub fn forbidden_commands(&self) -> &[String] {
        &self.lists.forbidden_commands
    }

    /// Walls that are absent on this host; not empty only without `sandbox_mode`.
    pub fn missing_walls(&self) -> &[Wall] {
        &self.missing_walls
    }
}

impl Permit {
    /// Whose run it is.
    pub fn agent(&self) -> AgentId {
        self.agent
    }

    /// The run.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// The placement it is for; it is void for any other.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// What the run may do.
    pub fn bounds(&self) -> &Assessment {
        &self.bounds
    }
}

/// Decides about a run.
///
/// # Errors
/// The first rule that says no, and how to ask for another answer.
pub fn judge(
    policy: &PolicyInForce,
    state: &State,
    request: &Request<'_>,
) -> Result<Permit, Denial> {
    let bounds = assess(policy, state, request.agent, request.spec, request.walls)?;
    current(state, request)?;
    Ok(Permit { agent: request.agent, run: request.run, generation: request.generation, bounds })
}

/// The same judgement without a run, for dry runs and explanations: whatever it denies, [`judge`]
/// denies.
///
/// # Errors
/// As [`judge`].
pub fn assess(
    policy: &PolicyInForce,
    state: &State,
    agent: AgentId,
    spec: &AgentSpec,
    walls: &Walls,
) -> Result<Assessment, Denial> {
    let policy = sound(policy)?;
    if let Some(emergency) = &state.emergency {
        let message = alloc::format!("an emergency shutdown is in force: {}", emergency.reason);
        let ask = "a person lifts it with `ai_onboard background-agents resume --reason …`";
        return Err(denial("emergency", message, ask));
    }
    let Some(known) = state.agents.get(&agent) else {
        let message = alloc::format!("`{}` ({agent}) is not registered", spec.name);
        return Err(denial("unknown_agent", message, "register its project again"));
    };
    if let Some(why) = &known.quarantine {
        let message = alloc::format!("`{}` is in quarantine: {why}", spec.name);
        let ask = "a person lifts it after looking into it, with a reason";
        return Err(denial("quarantine", message, ask));
    }
    if spec.hash != known.spec.hash || spec.name != known.spec.name {
        let message = alloc::format!("`{}` is not the program that was registered", spec.name);
        return Err(denial("changed_program", message, "register its project again"));
    }
    bounds(policy, &spec.limits, walls)
}

/// What a policy and a host allow a program that asks for these limits, whoever it is and whatever
/// is known of it: the part of the judgement that needs no state.
///
/// # Errors
/// As [`judge`].
pub fn bounds(policy: &Policy, asked: &Limits, walls: &Walls) -> Result<Assessment, Denial> {
    let limits = within(policy, asked)?;
    if policy.sandbox_mode()
        && let Some((wall, why)) = walls.absent().next()
    {
        let message = alloc::format!("this host can't hold the wall `{wall}`: {why}");
        let ask = "`ai_onboard doctor` says what is missing and the mend";
        return Err(denial("sandbox_mode", message, ask));
    }
    let missing_walls = walls.absent().map(|(wall, _)| wall).collect();
    Ok(Assessment { limits, lists: policy.lists(), missing_walls })
}

/// The policy, where there is one.
///
/// # Errors
/// When none could be read: then everything is denied.
pub fn sound(policy: &PolicyInForce) -> Result<&Policy, Denial> {
    match policy {
        PolicyInForce::Sound(policy) => Ok(policy),
        PolicyInForce::Broken(why) => {
            Err(denial("policy", why.clone(), "mend the policy file; nothing runs before"))
        }
    }
}

/// The run is the agent's, this is its present placement, and it has not started: a second permit
/// could only start it twice.
fn current(state: &State, request: &Request<'_>) -> Result<(), Denial> {
    let ask = "nothing to do: the run was placed anew or has ended";
    let message = match state.runs.get(&request.run) {
        None => alloc::format!("{} is not a run that waits or works", request.run),
        Some(run) if run.agent != request.agent => {
            alloc::format!("{} belongs to {}, not to {}", request.run, run.agent, request.agent)
        }
        Some(run) if run.generation != request.generation => alloc::format!(
            "{} is at {}, this asks for {}",
            request.run,
            run.generation,
            request.generation
        ),
        Some(run) if !matches!(run.phase, Phase::Placed { .. }) => {
            alloc::format!("{} is not waiting to be started", request.run)
        }
        Some(_) => return Ok(()),
    };
    Err(denial("stale_run", message, ask))
}

/// What the agent asks for, or the policy's where it asks for nothing.
fn within(policy: &Policy, asked: &Limits) -> Result<EffectiveLimits, Denial> {
    let most = policy.limits();
    let number = |key: &'static str, asked: Option<u32>, most: u32, unit: &str| match asked {
        Some(asked) if asked > most => Err(above(
            policy,
            key,
            &alloc::format!("{asked}{unit}"),
            &alloc::format!("{most}{unit}"),
        )),
        asked => Ok(asked.unwrap_or(most)),
    };
    let deadline_ms = match asked.deadline_ms {
        Some(asked) if asked > most.deadline_ms => {
            let show = onboard_text::duration::show;
            return Err(above(policy, "max_run_minutes", &show(asked), &show(most.deadline_ms)));
        }
        asked => asked.unwrap_or(most.deadline_ms),
    };
    Ok(EffectiveLimits {
        cpu_percent: number("max_cpu_percent", asked.cpu_percent, most.cpu_percent, " %")?,
        memory_mb: number("max_memory_mb", asked.memory_mb, most.memory_mb, " MB")?,
        pids: number("max_pids", asked.pids, most.pids, "")?,
        deadline_ms,
        file_size_mb: number("max_file_size_mb", asked.file_size_mb, most.file_size_mb, " MB")?,
        io_ops_per_sec: number(
            "max_io_ops_per_sec",
            asked.io_ops_per_sec,
            most.io_ops_per_sec,
            "/s",
        )?,
        network_requests_per_min: most.network_requests_per_min,
        connections: most.connections,
        bandwidth_kb_per_sec: most.bandwidth_kb_per_sec,
        transfer_mb: most.transfer_mb,
    })
}

fn above(policy: &Policy, key: &'static str, asked: &str, most: &str) -> Denial {
    let message = alloc::format!("the agent asks for {asked}, `{key}` allows {most}");
    let ask =
        alloc::format!("ask for less in the manifest; {most} is set by {}", policy.origin(key));
    Denial { rule: key, message, how_to_ask: ask }
}

fn denial(rule: &'static str, message: String, how_to_ask: &str) -> Denial {
    Denial { rule, message, how_to_ask: how_to_ask.into() }
}

/// The limits that would be denied for, by their keys in a manifest: so that who reads manifests
/// can refuse them at file, line and column instead of at the first run.
///
/// # Errors
/// The key in the manifest (`limits.pids`) and the denial.
pub fn check_limits(
    policy: &Policy,
    asked: &Limits,
) -> Result<EffectiveLimits, (&'static str, Denial)> {
    within(policy, asked).map_err(|denial| {
        let key = match denial.rule {
            "max_cpu_percent" => "limits.cpu_percent",
            "max_memory_mb" => "limits.memory_mb",
            "max_pids" => "limits.pids",
            "max_run_minutes" => "limits.deadline",
            "max_file_size_mb" => "limits.file_size_mb",
            _ => "limits.io_ops_per_sec",
        };
        (key, denial)
    })
}
