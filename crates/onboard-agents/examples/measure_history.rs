//! Reads a repository's history as facts and prints them as `git log --no-merges --numstat -M`
//! does, for comparison with it: `measure_history REPOSITORY [names|lines] [THREADS] [SINCE]`, where
//! SINCE is a commit's full name: only what the main line has beyond it is read then.

use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::Path;

use onboard_agents::git::{Ingest, Repository, Wanted, ingest};
use onboard_analysis::history::CommitFacts;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let root = words.first().ok_or("a repository's path is needed")?;
    let wanted = if words.get(1).is_some_and(|word| word == "names") {
        Wanted::Names
    } else {
        Wanted::Lines
    };
    let threads = words.get(2).and_then(|word| word.parse().ok()).unwrap_or(2);
    let open = || Repository::open(Path::new(root), None);
    let repository = open()?;
    let tip = repository.mainline().ok_or("there is no commit")?.tip;
    let ids = match words.get(3) {
        Some(since) => repository.divergence(tip, since.parse()?, usize::MAX).ahead,
        None => repository.ancestry(tip).ids,
    };
    let mut out = BufWriter::new(std::io::stdout().lock());
    let how = Ingest { wanted, threads, known: &|_, _| None };
    ingest(open, &ids, &how, |facts| match facts.map(|facts| print(&mut out, &facts)) {
        Ok(Ok(())) => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    })?;
    out.flush()?;
    Ok(())
}

fn print(out: &mut impl Write, facts: &CommitFacts) -> std::io::Result<()> {
    if facts.commit.merge {
        return Ok(());
    }
    writeln!(out, "{}", facts.commit.id)?;
    for change in facts.changes.iter().flatten() {
        match change.lines {
            Some(lines) => write!(out, "{}\t{}\t", lines.added, lines.removed)?,
            None => write!(out, "-\t-\t")?,
        }
        match &change.old_path {
            Some(old) => writeln!(out, "{old} => {}", change.path)?,
            None => writeln!(out, "{}", change.path)?,
        }
    }
    Ok(())
}
