//! What one run may have done in its place: the credentials and models that its user meant for it, and
//! requests to hosts that its policy allows, behind a token that only this run has.

use crate::credentials::{Credentials, Stored};
use crate::ledger::Ledger;
use crate::models::{self, Model, Models};
use crate::step::models::NotReserved;
use onboard_domain::AgentSpec;
use onboard_domain::model::{Budget, Ending, Spend};
use onboard_egress::broker::{
    Broker, CREDENTIAL_SUFFIX, Door, HOST_SUFFIX, MODEL_SUFFIX, NoRoom, Secret, Target, Tls,
};
use onboard_egress::host::Host;
use onboard_policy::Assessment;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Bytes of a token, before they are written as letters: nobody guesses one in a run's time.
const TOKEN: usize = 24;

/// Hosts of a policy that have doors: each is a name of the run's network, and a word of a variable.
const HOSTS: usize = 64;

/// What every run shares: whom this machine trusts, found out when it is first needed.
#[derive(Clone, Default)]
pub(crate) struct Trust {
    found: Arc<OnceLock<Tls>>,
    more: Option<PathBuf>,
}

impl Trust {
    /// This machine's, and whoever has a certificate in this file.
    pub(crate) fn with(more: Option<PathBuf>) -> Trust {
        Trust { found: Arc::default(), more }
    }

    pub(crate) fn tls(&self) -> Tls {
        self.found.get_or_init(|| Tls::of_this_machine(self.more.as_deref())).clone()
    }
}

/// What one run may have brokered.
pub(crate) struct Brokerage {
    token: Secret,
    doors: Vec<Door>,
    budgets: Vec<Budget>,
}

impl Brokerage {
    /// What the user meant for this agent, as far as the policy lets it; nothing where that is
    /// nothing.
    pub(crate) fn of(
        credentials: &Credentials,
        models_file: &Path,
        bounds: &Assessment,
        spec: &AgentSpec,
        root: &str,
    ) -> Option<Brokerage> {
        let mut doors = Vec::new();
        // While it is not known which credentials are models' keys, no agent gets any.
        let Models { models, budgets } = tell(models::read(models_file))?;
        let is_key = |name: &String| models.iter().any(|m| m.credential.as_ref() == Some(name));
        for model in models.iter().filter(|model| model.binding.is_for(spec, root)) {
            doors.extend(tell(model_door(credentials, model)));
        }
        for name in tell(credentials.names().map_err(|error| error.to_string())).unwrap_or_default()
        {
            let stored = credentials.get(&name).map_err(|error| error.to_string());
            let Some(stored) = tell(stored) else { continue };
            // A model's key has no door of its own: that would lead around the budgets.
            if stored.binding.is_for(spec, root) && !is_key(&name) {
                doors.extend(tell(credential_door(&name, &stored)));
            }
        }
        let may = |door: &Door| door.target.name().is_none_or(|name| bounds.may_broker(name));
        doors.retain(may);
        let hosts = bounds.allowed_domains().iter().take(HOSTS);
        doors.extend(hosts.filter_map(|host| host_door(host)));
        if doors.is_empty() {
            return None;
        }
        let token = tell(token().map_err(|error| format!("no token for it: {error}")))?;
        Some(Brokerage { token, doors, budgets })
    }

    /// What tells the agent of it.
    pub(crate) fn environment(&self) -> Vec<(String, String)> {
        let token = self.token.reveal();
        let mut variables = vec![("AI_ONBOARD_TOKEN".to_string(), token.to_string())];
        let mut put = |name: &str, value: String| variables.push((name.into(), value));
        let models: Vec<&Door> = self.doors.iter().filter(|door| door.model.is_some()).collect();
        if let Some((door, terms)) =
            models.first().and_then(|door| Some((door, door.model.as_ref()?)))
        {
            let url = format!("{}/v1", door.url());
            put("OPENAI_BASE_URL", url.clone());
            put("OPENAI_API_KEY", token.into());
            put("OPENAI_MODEL", terms.model.clone());
            put("AI_ONBOARD_MODEL_URL", url);
            put("AI_ONBOARD_MODEL", terms.model.clone());
        }
        for door in &self.doors {
            match (&door.model, &door.credential) {
                (Some(terms), _) => {
                    put(&variable("MODEL", &terms.name, "URL"), format!("{}/v1", door.url()));
                }
                (None, Some(credential)) => {
                    put(&variable("CREDENTIAL", &credential.name, "URL"), door.url());
                    let host = door.target.authority();
                    put(&variable("CREDENTIAL", &credential.name, "HOST"), host);
                }
                (None, None) => {}
            }
        }
        let is_host = |door: &&Door| door.model.is_none() && door.credential.is_none();
        let hosts: Vec<String> =
            self.doors.iter().filter(is_host).map(|door| door.target.authority()).collect();
        if !hosts.is_empty() {
            variables.push(("AI_ONBOARD_HOSTS".into(), hosts.join(" ")));
        }
        variables
    }

    pub(crate) fn broker(self, trust: &Trust, ledger: Ledger) -> Broker {
        Broker {
            token: self.token,
            doors: self.doors,
            tls: trust.tls(),
            ledger: Arc::new(RunLedger { ledger, budgets: self.budgets }),
        }
    }
}

/// What goes wrong here costs the agent a door, and whoever runs the daemon reads why.
fn tell<T>(done: Result<T, String>) -> Option<T> {
    done.inspect_err(|why| eprintln!("not brokered: {why}")).ok()
}

fn variable(kind: &str, name: &str, what: &str) -> String {
    format!("AI_ONBOARD_{kind}_{}_{what}", name.to_ascii_uppercase().replace('-', "_"))
}

fn credential_door(name: &str, stored: &Stored) -> Result<Door, String> {
    Ok(Door {
        name: format!("{name}.{CREDENTIAL_SUFFIX}"),
        target: stored.target().map_err(|error| error.to_string())?,
        credential: Some(stored.credential(name)),
        model: None,
    })
}

/// The way to an allowed host for who speaks no TLS; nothing where its name has no room for more.
fn host_door(host: &str) -> Option<Door> {
    let name = format!("{host}.{HOST_SUFFIX}");
    Host::parse(name.as_bytes()).ok()?;
    let target = Target::host(host).ok()?;
    Some(Door { name, target, credential: None, model: None })
}

fn model_door(credentials: &Credentials, model: &Model) -> Result<Door, String> {
    let name = &model.terms.name;
    let credential = match &model.credential {
        Some(wanted) => {
            let stored =
                credentials.get(wanted).map_err(|error| format!("model `{name}`: {error}"))?;
            let target = stored.target().map_err(|error| error.to_string())?;
            if !target.is_at(&model.endpoint) {
                return Err(format!(
                    "model `{name}`: the credential `{wanted}` is for {target}, not for {}",
                    model.endpoint
                ));
            }
            Some(stored.credential(wanted))
        }
        None => None,
    };
    Ok(Door {
        name: format!("{name}.{MODEL_SUFFIX}"),
        target: model.endpoint.clone(),
        credential,
        model: Some(model.terms.clone()),
    })
}

fn token() -> std::io::Result<Secret> {
    let mut bytes = [0_u8; TOKEN];
    let mut filled = 0;
    while filled < TOKEN {
        let flags = rustix::rand::GetRandomFlags::empty();
        filled += rustix::rand::getrandom(&mut bytes[filled..], flags)?;
    }
    let mut text = String::from("aio-");
    for byte in bytes {
        // Writing to a string can't fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(Secret::new(text))
}

/// A run's budgets, and the way to where they are kept.
struct RunLedger {
    ledger: Ledger,
    budgets: Vec<Budget>,
}

impl onboard_egress::broker::Ledger for RunLedger {
    fn reserve(&self, model: &str, most: Spend) -> Result<u64, NoRoom> {
        let none = |why: &str| NoRoom { budget: None, why: why.into(), retry_after_s: None };
        self.ledger.reserve(model, most, self.budgets.clone()).map_err(|not| match not {
            NotReserved::Over { over, retry_after_s } => NoRoom {
                budget: Some(format!("{}.{}", over.budget.scope, over.budget.unit)),
                why: over.to_string(),
                retry_after_s,
            },
            NotReserved::Busy => none("too many requests are on their way; repeat it later"),
            NotReserved::Ended => none("the run is ending"),
        })
    }

    fn settle(&self, id: u64, spend: Spend, ending: Ending) {
        self.ledger.settle(id, spend, ending);
    }
}
