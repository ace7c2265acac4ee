//! What an agent may do, asked before it does: the judge of its runs, the plan of their walls, the
//! judge of their system calls and the proxy's decision, about one attempt. Nothing is started.

use crate::network;
use crate::profile::{ProfileOf, Seen, Unfit, profile};
use onboard_domain::AgentSpec;
use onboard_domain::violation::Rule;
use onboard_egress::{Meter, Refusal, Way, decide, host};
use onboard_policy::{Assessment, Denial, Policy, Walls, bounds};
use onboard_sandbox::cgroup::Layout;
use onboard_sandbox::view::{Outcome, View};
use onboard_sandbox::{PROJECT_DIR, Profile};
use onboard_validation::patch::paths::{Denied as Behind, Fence};
use std::path::Path;

/// Names for a run that never is.
const NOBODY: &str = "asked";

/// An agent that is asked about.
#[derive(Debug)]
pub struct Asked<'a> {
    policy: &'a Policy,
    bounds: Assessment,
    profile: Profile,
    view: View,
}

/// Why nothing at all may be done: no run of it would be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoRun {
    /// Stable name of the rule.
    pub rule: String,
    pub why: String,
}

/// What comes of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    pub outcome: Outcome,
    /// The rule that a record of the attempt would name.
    pub rule: Option<String>,
    pub why: String,
    /// What a path or a program turned out to be, by its name in the sandbox.
    pub is: Option<String>,
    /// Where the policy says so: file, line and column with whose it is; `None`: it is so under
    /// every policy.
    pub origin: Option<String>,
}

impl From<Denial> for NoRun {
    fn from(denial: Denial) -> NoRun {
        NoRun {
            rule: denial.rule.into(),
            why: format!("{}; {}", denial.message, denial.how_to_ask),
        }
    }
}

impl<'a> Asked<'a> {
    /// Asks about an agent of the project at `root`. `program`: this program, as its runs see it;
    /// `state`: the daemon's own folder. What models and credentials are brokered is not looked at.
    ///
    /// # Errors
    /// Why no run of it would be started.
    pub fn of(
        policy: &'a Policy,
        root: &str,
        spec: &AgentSpec,
        walls: &Walls,
        program: &Path,
        layout: &Layout,
        state: &Path,
    ) -> Result<Asked<'a>, NoRun> {
        let bounds = bounds(policy, &spec.limits, walls)?;
        let of = ProfileOf { instance: NOBODY, run: NOBODY, root, spec, program };
        let refused = |rule: &str, why: String| NoRun { rule: rule.into(), why };
        let unfit = |Unfit { rule, why }| refused(rule, why);
        let reach = network::reach(&bounds, None);
        let seen = Seen::look(root, &spec.program, bounds.forbidden_paths().to_vec(), state);
        let profile = profile(&of, &bounds, seen.map_err(unfit)?, reach.as_ref()).map_err(unfit)?;
        let view =
            View::of(&profile, layout).map_err(|error| refused("profile", error.to_string()))?;
        Ok(Asked { policy, bounds, profile, view })
    }

    /// What its runs are allowed.
    pub fn bounds(&self) -> &Assessment {
        &self.bounds
    }

    /// What its walls are built from.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Whether it may read a path: from the project's folder, or absolute as it is inside.
    pub fn read(&self, path: &str) -> Said {
        self.of_files(self.view.may_read(path))
    }

    /// Whether it may write a path. What it may not write it may still propose, or not that either.
    pub fn write(&self, path: &str) -> Said {
        let mut said = self.of_files(self.view.may_write(path));
        let inside = said.is.as_deref().and_then(|is| is.strip_prefix(PROJECT_DIR));
        let inside = inside.and_then(|inside| inside.strip_prefix('/'));
        if let Some(inside) = inside
            && said.rule.as_deref() == Some(Rule::ReadOnlyPath.word())
        {
            let fence = Fence {
                forbidden: self.bounds.forbidden_paths().to_vec(),
                read_only: self.bounds.read_only_paths().to_vec(),
                // Proposed they may be; people are asked.
                allows_protected: true,
            };
            if let Err(denied) = fence.check(inside) {
                said.why = format!(
                    "a run can write in its own /tmp only; nor may it propose this as a patch: {}",
                    denied.why()
                );
                if let Behind::ReadOnly(place) = denied {
                    said.origin = self.origin("read_only_paths", Some(&place));
                }
            }
        }
        said
    }

    /// Whether it may start a program by these words.
    pub fn exec(&self, words: &[String]) -> Said {
        self.of_files(self.view.may_exec(words))
    }

    /// Whether it may connect to `HOST:PORT`. Nobody is connected to, and no name looked up.
    pub fn connect(&self, target: &str) -> Said {
        let Some(reach) = network::reach(&self.bounds, None) else {
            return Said {
                outcome: Outcome::Denied,
                // Without a network the socket itself is refused.
                rule: Some(Rule::DeniedSyscall.word().into()),
                why: "allowed_domains is empty: it has no network and can't make a socket".into(),
                is: None,
                origin: Some(self.policy.domains_origin().to_string()),
            };
        };
        let rules = reach.rules();
        let asked = host::authority(target.as_bytes(), None);
        let port = target.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
        let way = if port == Some(80) { Way::Http } else { Way::Tls };
        let mut meter = Meter::new(rules.requests_per_min, 0);
        match decide(rules, &mut meter, 0, way, asked) {
            Ok((host, _)) => Said {
                outcome: Outcome::Allowed,
                rule: None,
                why: "in allowed_domains; it is connected to where its address is a public one"
                    .into(),
                is: None,
                origin: self.origin("allowed_domains", Some(host.as_str())),
            },
            Err(refusal) => self.refused(refusal),
        }
    }

    fn refused(&self, refusal: Refusal) -> Said {
        let origin = match refusal.rule {
            Rule::ForbiddenHost => Some(self.policy.domains_origin().to_string()),
            Rule::NetworkRate => self.origin("max_network_requests", None),
            Rule::ForbiddenProtocol => {
                refusal.protocol.and_then(|name| self.origin("forbidden_protocols", Some(name)))
            }
            _ => None,
        };
        let Refusal { rule, why, .. } = refusal;
        Said { outcome: Outcome::Denied, rule: Some(rule.word().into()), why, is: None, origin }
    }

    fn of_files(&self, answer: onboard_sandbox::view::Answer) -> Said {
        let key = match answer.rule {
            Some(Rule::ForbiddenCommand) => "forbidden_commands",
            _ => "forbidden_paths",
        };
        let origin = answer.entry.as_deref().and_then(|entry| self.origin(key, Some(entry)));
        Said {
            outcome: answer.outcome,
            rule: answer.rule.map(|rule| rule.word().into()),
            why: answer.why,
            is: Some(answer.is),
            origin,
        }
    }

    /// Where the policy has this value for this key.
    fn origin(&self, key: &str, value: Option<&str>) -> Option<String> {
        self.policy.origin_of(key, value).map(|origin| origin.to_string())
    }
}
