//! Functions of a repository, copied into another file as they are, renamed, and edited: how many of
//! the copies are found.

use std::rc::Rc;

use onboard_analysis::clones::{Index, fingerprints};
use onboard_analysis::code::{Language, Token, measure_with_tokens};
use onboard_analysis::draw::Draw;

use super::Table;
use super::history::History;

const MOST_PLANTED: usize = 500;
/// Tokens of the shortest function that is planted: what winnowing promises to find.
const LEAST_TOKENS: usize = 100;
const MOST_BYTES: u64 = 512 * 1024;

/// Words of the twelve languages that are no names.
const KEYWORDS: &str = "abstract and as assert async await auto base begin bool boolean break byte \
    case catch chan char class clone const constexpr continue crate def default defer del delete do \
    double dyn echo elif else elseif elsif end ensure enum esac except export extends extern false \
    final finally float fn for foreach from func function global go goto if impl implements import \
    in include instanceof int interface internal is isset let lambda long loop map match mod module \
    move mut namespace new nil none not null nonlocal operator or out override package params pass \
    print private protected pub public raise range readonly ref require rescue return select self \
    sealed short signed sizeof static str string struct super switch template then this throw throws \
    trait true try type typedef typename typeof undefined union unless unsafe unsigned unset until use \
    using var virtual void volatile when where while with yield None True False Self i8 i16 i32 i64 \
    u8 u16 u32 u64 usize isize f32 f64 array callable iterable object mixed never";

struct Planted {
    path: String,
    name: String,
    body: Vec<String>,
}

pub fn evaluate(history: &History, table: &mut Table) -> Result<(), Box<dyn std::error::Error>> {
    let repository = &history.repository;
    let tip = repository.mainline().ok_or("there is no commit")?.tip;
    let mut functions = Vec::new();
    for file in repository.files(tip).map_err(|error| error.why)?.files {
        let content = repository.content(file.blob, MOST_BYTES).ok().flatten().unwrap_or_default();
        let has_grammar = Language::of(&file.path, &content).is_some_and(Language::has_grammar);
        if has_grammar && !file.link {
            functions.extend(long_functions(&file.path, &content));
        }
    }
    let mut draw = Draw::new(1);
    while functions.len() > MOST_PLANTED {
        functions.swap_remove(draw.below(functions.len()));
    }
    type Mutation = fn(&[String], &mut Draw) -> Vec<String>;
    let kinds: [(&str, Mutation); 3] =
        [("1: as it is", respaced), ("2: renamed", renamed), ("3: edited", edited)];
    for (kind, mutate) in kinds {
        let found =
            functions.iter().filter(|one| is_found(one, &mutate(&one.body, &mut draw))).count();
        let recall = found as f64 / functions.len().max(1) as f64;
        table.add(
            &history.name,
            kind,
            vec![("recall", recall), ("planted", functions.len() as f64)],
        );
    }
    Ok(())
}

fn long_functions(path: &str, content: &[u8]) -> Vec<Planted> {
    let text = String::from_utf8_lossy(content);
    let lines: Vec<&str> = text.lines().collect();
    let (measured, tokens) = measure_with_tokens(path, content);
    let functions = measured.file().map(|file| file.functions.clone()).unwrap_or_default();
    let long = functions.into_iter().filter(|function| {
        let lines = function.first_line..=function.last_line;
        function.length() >= 8
            && tokens.iter().filter(|token| lines.contains(&token.line)).count() >= LEAST_TOKENS
    });
    long.map(|function| Planted {
        path: path.to_owned(),
        name: function.name.clone(),
        body: lines[function.first_line as usize - 1..lines.len().min(function.last_line as usize)]
            .iter()
            .map(|line| (*line).to_owned())
            .collect(),
    })
    .collect()
}

/// Whether the copy and its original are found to be the same over seven tenths of their lines.
fn is_found(planted: &Planted, copy: &[String]) -> bool {
    let texts = [planted.body.join("\n"), format!("\n\n{}", copy.join("\n"))];
    let mut index = Index::default();
    let mut all = Vec::new();
    let open = if planted.path.ends_with(".php") { "<?php\n" } else { "" };
    for (file, text) in (0..).zip(&texts) {
        let name = planted.path.rsplit('/').next().unwrap_or_default();
        let (_, tokens) = measure_with_tokens(name, format!("{open}{text}\n").as_bytes());
        index.add(file, &fingerprints(&tokens));
        all.push(Rc::<[Token]>::from(tokens));
    }
    let clones = index.clones(|file| all.get(file as usize).cloned());
    let enough =
        |first: u32, last: u32, lines: usize| f64::from(last - first + 1) >= 0.7 * lines as f64;
    let _ = &planted.name;
    clones.pairs.iter().any(|pair| {
        pair.one.file != pair.other.file
            && enough(pair.one.first_line, pair.one.last_line, planted.body.len())
            && enough(pair.other.first_line, pair.other.last_line, copy.len())
    })
}

/// Blank lines in between.
fn respaced(body: &[String], draw: &mut Draw) -> Vec<String> {
    let mut copy = Vec::new();
    for line in body {
        copy.push(line.clone());
        if draw.below(8) == 0 && !line.trim_end().ends_with('\\') {
            copy.push(String::new());
        }
    }
    copy
}

fn renamed(body: &[String], _: &mut Draw) -> Vec<String> {
    body.iter().map(|line| rename_line(line)).collect()
}

fn rename_line(line: &str) -> String {
    let mut renamed = String::new();
    let mut word = String::new();
    let mut quote = None;
    for letter in line.chars().chain(['\n']) {
        if letter.is_alphanumeric() || letter == '_' {
            word.push(letter);
            continue;
        }
        let is_name = word.len() > 1 && word.starts_with(|first: char| first.is_lowercase());
        renamed.push_str(&word);
        if quote.is_none()
            && is_name
            && letter != '!'
            && !KEYWORDS.split_whitespace().any(|known| known == word)
        {
            renamed.push_str("Other");
        }
        word.clear();
        match quote {
            Some(open) if open == letter => quote = None,
            None if matches!(letter, '"' | '\'' | '`' | '/' | '#') => quote = Some(letter),
            _ => {}
        }
        renamed.push(letter);
    }
    renamed.pop();
    renamed
}

/// Renamed, one line gone and one that was there said twice.
fn edited(body: &[String], draw: &mut Draw) -> Vec<String> {
    let mut copy = renamed(body, draw);
    let plain: Vec<usize> = (2..copy.len().saturating_sub(1))
        .filter(|at| {
            copy[*at].trim_end().ends_with(';') || !copy[*at].contains(['{', '}', '(', ')', ':'])
        })
        .collect();
    if let Some(at) = draw.of(&plain).copied() {
        let line = copy[at].clone();
        copy.insert(at, line);
    }
    if let Some(at) = draw.of(&plain).copied() {
        copy.remove(at);
    }
    copy
}
