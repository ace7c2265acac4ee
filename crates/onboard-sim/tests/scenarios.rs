//! Every story under `scenarios/` gives what is written beside it (`UPDATE_EXPECT=1` rewrites).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Fewer stories than this, and some were lost.
const STORIES_LEAST: usize = 12;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

/// The names of the folder's files with this ending, without it; any other file is refused.
fn names(ending: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder()).expect("the stories' folder");
    let names = entries.map(|entry| {
        let name = entry.expect("an entry").file_name().into_string().expect("a plain name");
        let known = name.ends_with(".txt") || name.ends_with(".expected");
        assert!(known, "scenarios/{name} is neither a story (.txt) nor what it gives (.expected)");
        name
    });
    names.filter_map(|name| name.strip_suffix(ending).map(str::to_owned)).collect()
}

#[test]
fn every_story_gives_what_is_written_beside_it() {
    let stories = names(".txt");
    assert!(stories.len() >= STORIES_LEAST, "only {} stories", stories.len());
    for name in stories {
        let text = fs::read_to_string(folder().join(format!("{name}.txt"))).expect("a story");
        let told = onboard_sim::scenario::tell(&text);
        let told = told.unwrap_or_else(|why| panic!("{name}.txt: {why}"));
        assert!(!told.contains("VIOLATION"), "{name}.txt breaks a rule:\n{told}");
        let expected = folder().join(format!("{name}.expected"));
        expect_test::expect_file![expected].assert_eq(&told);
    }
}

#[test]
fn no_expectation_is_forgotten() {
    let lost: Vec<String> = names(".expected").difference(&names(".txt")).cloned().collect();
    assert!(lost.is_empty(), "expectations without a story: {lost:?}");
}

#[test]
fn a_line_that_means_nothing_is_named() {
    let told = onboard_sim::scenario::tell("project shop\nagent shop/a schedule=daily\nfly shop/a");
    let why = told.expect_err("nobody flies");
    assert_eq!(why, "line 3: `fly shop/a`: this line means nothing");
}
