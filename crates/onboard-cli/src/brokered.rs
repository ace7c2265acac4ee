//! The doors of a run: what its environment says of them, and how they are asked.

use onboard_agents::host::{Answer, Door, Doors, Get, Reply, Unanswered};
use onboard_egress::visit;
use std::time::{Duration, Instant};

/// A forge's largest pages are some megabytes: a hundred issues of 64 KiB each.
const BODY_BYTES: usize = 16 * 1024 * 1024;
/// From the first look-up to the last byte.
const DEADLINE: Duration = Duration::from_secs(30);

const PREFIX: &str = "AI_ONBOARD_CREDENTIAL_";

/// What this run may ask in its own name.
pub struct Brokered {
    doors: Vec<Door>,
    token: String,
    /// When the last answer was handed over.
    since: Instant,
}

impl Brokered {
    /// As the environment says.
    pub fn of(variables: &[(String, String)]) -> Brokered {
        let value = |wanted: &str| {
            let found = variables.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.clone())
        };
        let door = |(name, host): &(String, String)| {
            let name = name.strip_prefix(PREFIX)?.strip_suffix("_HOST")?;
            let url = value(&format!("{PREFIX}{name}_URL"))?;
            Some(Door { url, host: host.clone() })
        };
        let doors = variables.iter().filter_map(door).collect();
        let token = value("AI_ONBOARD_TOKEN").unwrap_or_default();
        Brokered { doors, token, since: Instant::now() }
    }
}

impl Doors for Brokered {
    fn list(&self) -> &[Door] {
        &self.doors
    }

    fn get(&mut self, get: &Get<'_>) -> Reply {
        let begun = Instant::now();
        let request =
            visit::Get { door: get.door, token: &self.token, path: get.path, fields: get.fields };
        let bounds = visit::Bounds { deadline: DEADLINE, body_bytes: BODY_BYTES };
        let answer = match visit::get(&request, bounds, &|| begun.elapsed()) {
            Ok(visit::Whole { status, fields, body }) => Ok(Answer { status, fields, body }),
            Err(visit::Unanswered::TooLarge) => Err(Unanswered::TooLarge),
            Err(other) => Err(Unanswered::Broken(other.to_string())),
        };
        let passed = std::mem::replace(&mut self.since, Instant::now()).elapsed();
        (answer, i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_is_a_credential_with_its_host() {
        let variables = [
            ("AI_ONBOARD_TOKEN", "aio-1"),
            ("AI_ONBOARD_CREDENTIAL_FORGE_URL", "http://forge.credential.onboard"),
            ("AI_ONBOARD_CREDENTIAL_FORGE_HOST", "api.forge.example"),
            ("AI_ONBOARD_CREDENTIAL_OTHER_URL", "http://other.credential.onboard"),
            ("AI_ONBOARD_MODEL_HOST", "x"),
        ];
        let own = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        let mut brokered = Brokered::of(&variables.iter().map(own).collect::<Vec<_>>());
        let url = "http://forge.credential.onboard".to_string();
        assert_eq!(brokered.list(), [Door { url, host: "api.forge.example".into() }]);
        assert_eq!(brokered.token, "aio-1");
        let get = Get { door: "http://127.0.0.1:1", path: "/", fields: &[] };
        assert!(matches!(brokered.get(&get).0, Err(Unanswered::Broken(_))));
    }
}
