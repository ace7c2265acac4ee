//! The doors of a run: what its environment says of them, and how they are asked.

use onboard_agents::host::{Answer, Ask, Door, Doors, Model, Reply, Unanswered};
use onboard_egress::broker::HOST_SUFFIX;
use onboard_egress::visit;
use std::time::{Duration, Instant};

/// A forge's largest pages are some megabytes: a hundred issues of 64 KiB each.
const BODY_BYTES: usize = 16 * 1024 * 1024;
/// From the first look-up to the last byte.
const DEADLINE: Duration = Duration::from_secs(30);

const PREFIX: &str = "AI_ONBOARD_CREDENTIAL_";
/// Hosts that the policy allows, with spaces between them.
const HOSTS: &str = "AI_ONBOARD_HOSTS";

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
            Some(Door { url, host: host.clone(), has_credential: true })
        };
        let mut doors: Vec<Door> = variables.iter().filter_map(door).collect();
        let open = |host: &str| Door {
            url: format!("http://{host}.{HOST_SUFFIX}"),
            host: host.to_string(),
            has_credential: false,
        };
        doors.extend(value(HOSTS).unwrap_or_default().split_whitespace().map(open));
        let token = value("AI_ONBOARD_TOKEN").unwrap_or_default();
        Brokered { doors, token, since: Instant::now() }
    }
}

impl Doors for Brokered {
    fn list(&self) -> &[Door] {
        &self.doors
    }

    fn ask(&mut self, ask: &Ask<'_>) -> Reply {
        let begun = Instant::now();
        let Ask { door, path, fields, json } = *ask;
        let request = visit::Request { door, token: &self.token, path, fields, json };
        let bounds = visit::Bounds { deadline: DEADLINE, body_bytes: BODY_BYTES };
        let answer = match visit::ask(&request, bounds, &|| begun.elapsed()) {
            Ok(visit::Whole { status, fields, body }) => Ok(Answer { status, fields, body }),
            Err(visit::Unanswered::TooLarge) => Err(Unanswered::TooLarge),
            Err(other) => Err(Unanswered::Broken(other.to_string())),
        };
        let passed = std::mem::replace(&mut self.since, Instant::now()).elapsed();
        (answer, i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
    }
}

/// A model's longest text is a tenth of it.
const COMPLETION_BYTES: usize = 2 * 1024 * 1024;

/// The model that the user meant for this run, behind the broker's door.
pub struct BrokeredModel {
    name: String,
    /// Such as `http://model.onboard`.
    door: String,
    path: String,
    token: String,
}

impl BrokeredModel {
    /// As the environment says; `None` where it says nothing.
    pub fn of(variables: &[(String, String)]) -> Option<BrokeredModel> {
        let said = |wanted: &str| {
            let found = variables.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
        };
        let url = format!("{}/chat/completions", said("AI_ONBOARD_MODEL_URL")?);
        let host = url.find("://")? + "://".len();
        let (door, path) = url.split_at(host + url[host..].find('/')?);
        Some(BrokeredModel {
            name: said("AI_ONBOARD_MODEL")?,
            door: door.to_string(),
            path: path.to_string(),
            token: said("AI_ONBOARD_TOKEN")?,
        })
    }
}

impl Model for BrokeredModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn complete(&mut self, request: &[u8], within: Duration) -> Result<(u16, Vec<u8>), String> {
        let begun = Instant::now();
        let (door, token, path) = (&*self.door, &*self.token, &*self.path);
        let request = visit::Request { door, token, path, fields: &[], json: Some(request) };
        let bounds = visit::Bounds { deadline: within, body_bytes: COMPLETION_BYTES };
        let answer = visit::ask(&request, bounds, &|| begun.elapsed());
        answer.map(|answer| (answer.status, answer.body)).map_err(|why| why.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_is_a_credential_with_its_host_or_a_host_that_is_allowed() {
        let variables = [
            ("AI_ONBOARD_TOKEN", "aio-1"),
            ("AI_ONBOARD_CREDENTIAL_FORGE_URL", "http://forge.credential.onboard"),
            ("AI_ONBOARD_CREDENTIAL_FORGE_HOST", "api.forge.example"),
            ("AI_ONBOARD_CREDENTIAL_OTHER_URL", "http://other.credential.onboard"),
            ("AI_ONBOARD_MODEL_HOST", "x"),
            ("AI_ONBOARD_HOSTS", "one.example two.example"),
        ];
        let own = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        let mut brokered = Brokered::of(&variables.iter().map(own).collect::<Vec<_>>());
        let door = |url: &str, host: &str, has_credential| Door {
            url: url.into(),
            host: host.into(),
            has_credential,
        };
        let doors = [
            door("http://forge.credential.onboard", "api.forge.example", true),
            door("http://one.example.host.onboard", "one.example", false),
            door("http://two.example.host.onboard", "two.example", false),
        ];
        assert_eq!(brokered.list(), doors);
        assert_eq!(brokered.token, "aio-1");
        let ask = Ask { door: "http://127.0.0.1:1", path: "/", fields: &[], json: None };
        assert!(matches!(brokered.ask(&ask).0, Err(Unanswered::Broken(_))));
    }

    #[test]
    fn a_models_door_is_what_comes_before_its_path() {
        let mut variables = vec![
            ("AI_ONBOARD_TOKEN".to_string(), "aio-1".to_string()),
            ("AI_ONBOARD_MODEL".to_string(), "small".to_string()),
        ];
        assert!(BrokeredModel::of(&variables).is_none());
        variables.push(("AI_ONBOARD_MODEL_URL".into(), "http://model.onboard/small/v1".into()));
        let model = BrokeredModel::of(&variables).unwrap();
        let read = [&*model.name, &*model.door, &*model.path, &*model.token];
        let path = "/small/v1/chat/completions";
        assert_eq!(read, ["small", "http://model.onboard", path, "aio-1"]);
    }
}
