//! A manifest that is taken stays inside its bounds, names no file outside its folder, and is kept
//! and read back as it is; what is refused says where and why.

use crate::{showable, text};
use onboard_domain::AgentSpec;
use onboard_domain::spec::Program;
use onboard_protocol::manifest::{ARGUMENT, ARGV, DESCRIPTION};
use onboard_protocol::parse_manifest;

/// See the module.
pub fn check(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let manifest = match parse_manifest(text, "agent.yaml") {
        Ok(manifest) => manifest,
        Err(problem) => return showable(&problem, text),
    };
    let spec = manifest.spec();
    assert!(spec.description.len() <= DESCRIPTION);
    if let Program::Command { argv, .. } = &spec.program {
        assert!((1..=ARGV).contains(&argv.len()));
        assert!(argv.iter().all(|word| word.len() <= ARGUMENT));
    }
    for file in manifest.program_files() {
        assert!(!file.starts_with('/') && file.split('/').all(|part| part != ".."), "{file}");
    }
    for path in ["schedule", "limits.pids", "depends_on[0]", "no.such[9]"] {
        showable(&manifest.problem(path, "a trial"), text);
    }
    let stored = serde_json::to_vec(spec).expect("a spec is data");
    let read: AgentSpec = serde_json::from_slice(&stored).expect("it is read back");
    assert_eq!(&read, spec);
    let own = Program::Command { argv: vec!["sh".into()], folder: String::new() };
    if spec.program == own || spec.program == Program::BuiltIn {
        let (one, other) = (text, format!("{text}\n"));
        let hash = |text: &str| parse_manifest(text, "a").map(|m| m.into_spec("f", &[]).hash);
        assert_eq!(hash(one), hash(one), "a hash of what is written");
        if let (Ok(one), Ok(other)) = (hash(one), hash(&other)) {
            assert!(!one.is_empty() && !other.is_empty());
        }
    }
}
