//! What an agent may do, in words, each with where it comes from.

use onboard_daemon::asked::Asked;
use onboard_daemon::manifests::Origins;
use onboard_domain::AgentSpec;
use onboard_domain::incident::Trigger;
use onboard_policy::Policy;
use onboard_sandbox::PROJECT_DIR;
use onboard_text::Place;
use serde::Serialize;

/// One thing that holds.
#[derive(Debug, Serialize)]
pub struct Line {
    pub part: &'static str,
    pub says: String,
    /// The file that says so with line and column; nothing where it is so under every policy.
    pub origin: Option<String>,
}

/// Everything that holds for a run of the agent.
pub fn words(spec: &AgentSpec, origins: &Origins, policy: &Policy, asked: &Asked<'_>) -> Vec<Line> {
    let mut page = Page { lines: Vec::new(), policy };
    page.reads(asked);
    page.writes(spec, origins, asked);
    page.reaches(asked);
    page.runs(asked);
    page.uses(spec, origins, asked);
    page.keeps();
    page.breach();
    page.lines
}

struct Page<'a> {
    lines: Vec<Line>,
    policy: &'a Policy,
}

impl Page<'_> {
    fn say(&mut self, part: &'static str, says: impl Into<String>) {
        self.lines.push(Line { part, says: says.into(), origin: None });
    }

    /// A line that the policy's key decides, for a list by one value of it.
    fn by(&mut self, part: &'static str, says: String, key: &str, value: Option<&str>) {
        let origin = self.policy.origin_of(key, value).map(|origin| origin.to_string());
        self.lines.push(Line { part, says, origin });
    }

    /// A line that the agent decides where it asks for a limit of its own, and the policy elsewhere.
    fn asks(&mut self, part: &'static str, says: String, key: &str, own: Option<Place>) {
        match own {
            Some(place) => {
                let origin = Some(format!("the agent ({place})"));
                self.lines.push(Line { part, says, origin });
            }
            None => self.by(part, says, key, None),
        }
    }

    fn reads(&mut self, asked: &Asked<'_>) {
        const PART: &str = "reads";
        let project = asked.profile().project.display().to_string();
        self.say(PART, format!("the project {project}, which it sees as {PROJECT_DIR}"));
        for path in asked.bounds().forbidden_paths() {
            self.by(PART, format!("not {path}"), "forbidden_paths", Some(path));
        }
        self.say(PART, "programs and libraries of this machine, and nothing else of it");
        for more in &asked.profile().read_only {
            self.say(PART, format!("{} as /app/{}", more.host.display(), more.name));
        }
    }

    fn writes(&mut self, spec: &AgentSpec, origins: &Origins, asked: &Asked<'_>) {
        const PART: &str = "writes";
        let tmp = asked.profile().limits.tmp_bytes >> 20;
        let holds = match asked.profile().works_in_tmp {
            true => ", where it works on a copy of the project",
            false => "",
        };
        self.say(PART, format!("its own /tmp{holds}: {tmp} MB in memory, gone with the run"));
        let size = asked.bounds().limits().file_size_mb;
        let says = format!("files of at most {size} MB, in /tmp and in a patch");
        let is_own = spec.limits.file_size_mb.is_some();
        let own = origins.of("limits.file_size_mb").filter(|_| is_own);
        self.asks(PART, says, "max_file_size_mb", own);
        self.say(PART, "nothing in the project: changes are patches, on which people decide");
        for path in asked.bounds().read_only_paths() {
            self.by(PART, format!("no patch may touch {path}"), "read_only_paths", Some(path));
        }
        self.say(PART, "no patch may touch what is forbidden, nor hooks, CI and the like");
    }

    fn reaches(&mut self, asked: &Asked<'_>) {
        const PART: &str = "reaches";
        let bounds = asked.bounds();
        if bounds.allowed_domains().is_empty() {
            return self.by(PART, "no host: it has no network".into(), "allowed_domains", None);
        }
        for host in bounds.allowed_domains() {
            let says = format!("{host}, by TLS at port 443 or HTTP at port 80");
            self.by(PART, says, "allowed_domains", Some(host));
        }
        for protocol in bounds.forbidden_protocols() {
            let says = format!("nothing by {protocol}");
            self.by(PART, says, "forbidden_protocols", Some(protocol));
        }
        let says = match bounds.deny_ech() {
            true => "nothing by TLS that hides a second host",
            false => "also by TLS that hides a second host",
        };
        self.by(PART, says.into(), "deny_ech", None);
        let limits = bounds.limits();
        for (says, key) in [
            (
                format!("{} requests a minute", limits.network_requests_per_min),
                "max_network_requests",
            ),
            (format!("{} connections at once", limits.connections), "max_connections"),
            (format!("{} KB a second", limits.bandwidth_kb_per_sec), "max_bandwidth_kb_per_sec"),
            (format!("{} MB a run", limits.transfer_mb), "max_transfer_mb"),
        ] {
            self.by(PART, says, key, None);
        }
    }

    fn runs(&mut self, asked: &Asked<'_>) {
        const PART: &str = "runs";
        self.say(PART, "any program that it can read, inside the same walls");
        for command in asked.bounds().forbidden_commands() {
            self.by(PART, format!("not {command}"), "forbidden_commands", Some(command));
        }
        self.say(
            PART,
            match asked.profile().works_in_tmp {
                true => "what it makes in its own /tmp, too",
                false => "nothing from its own /tmp",
            },
        );
    }

    fn uses(&mut self, spec: &AgentSpec, origins: &Origins, asked: &Asked<'_>) {
        const PART: &str = "uses, a run";
        let limits = asked.bounds().limits();
        let (asks, time) = (&spec.limits, onboard_text::duration::show(limits.deadline_ms));
        for (says, key, own, is_own) in [
            (
                format!("{} % of one core", limits.cpu_percent),
                "max_cpu_percent",
                "cpu_percent",
                asks.cpu_percent.is_some(),
            ),
            (
                format!("{} MB of memory", limits.memory_mb),
                "max_memory_mb",
                "memory_mb",
                asks.memory_mb.is_some(),
            ),
            (
                format!("{} processes and threads", limits.pids),
                "max_pids",
                "pids",
                asks.pids.is_some(),
            ),
            (
                format!("{} reads a second of each disk", limits.io_ops_per_sec),
                "max_io_ops_per_sec",
                "io_ops_per_sec",
                asks.io_ops_per_sec.is_some(),
            ),
            (
                format!("{time} from start to end"),
                "max_run_minutes",
                "deadline",
                asks.deadline_ms.is_some(),
            ),
        ] {
            let own = origins.of(&format!("limits.{own}")).filter(|_| is_own);
            self.asks(PART, says, key, own);
        }
        let says = match self.policy.sandbox_mode() {
            true => "no run at all where this machine lacks a wall",
            false => "a run also where this machine lacks a wall",
        };
        self.by(PART, says.into(), "sandbox_mode", None);
    }

    fn keeps(&mut self) {
        let kept = self.policy.storage().bytes >> 20;
        let says = format!("{kept} MB: checkpoints, shared values, findings, patches, logs");
        self.by("keeps between its runs", says, "max_storage_mb", None);
    }

    fn breach(&mut self) {
        const PART: &str = "what it tries beyond that is refused and recorded; within 24 hours";
        let escalation = self.policy.escalation();
        let attempts =
            |count: u32| format!("{count} different attempt{}", if count == 1 { "" } else { "s" });
        for (says, key) in [
            (format!("{}: an incident, and people are called", attempts(escalation.warn)), "warn"),
            (
                format!("{}: nothing of it starts for an hour", attempts(escalation.throttle)),
                "throttle",
            ),
            (
                format!("{}: its run ends, and a person resumes it", attempts(escalation.pause)),
                "pause",
            ),
            (
                format!("{}: quarantine, until a person lifts it", attempts(escalation.quarantine)),
                "quarantine",
            ),
            (
                format!("{} agents in quarantine: everything stops", escalation.emergency),
                "emergency",
            ),
        ] {
            self.by(PART, says, key, None);
        }
        for trigger in Trigger::ALL.iter().filter(|trigger| !escalation.triggers.contains(trigger))
        {
            self.say(PART, format!("nothing follows from {}", trigger.word()));
        }
    }
}
