//! The Turing Change Point Dataset with the scores of its benchmark (van den Burg and Williams, "An
//! evaluation of change point detection algorithms", 2020): series that five people annotated.
//!
//! A predicted point within five of an annotated one is right, each once; the beginning counts as
//! annotated and as predicted. Precision is over what any annotator marked, recall the mean over
//! annotators, F1 of both; covering is how well the best segments overlap, weighted by length, the mean
//! over annotators. Series with one dimension that are here are scored, at the detector's defaults.

use std::collections::BTreeSet;

use onboard_analysis::trend::change_points;
use serde_json::Value;

use super::Table;
use super::data_set::DataSet;

const MARGIN: usize = 5;

pub fn evaluate(path: &str, table: &mut Table) -> Result<(), Box<dyn std::error::Error>> {
    let data = DataSet::open(path);
    let annotations = data.json("annotations.json").ok_or("there is no annotations.json")?;
    let annotations = annotations.as_object().ok_or("annotations.json is no object")?;
    eprintln!("TCPD at {}", data.head());
    let (mut scored, mut missing, mut wide) = (0, Vec::new(), Vec::new());
    for (name, annotated) in annotations {
        let Some(file) = data.json(&format!("datasets/{name}/{name}.json")) else {
            missing.push(name.as_str());
            continue;
        };
        let Some(series) = series(&file) else {
            wide.push(name.as_str());
            continue;
        };
        scored += 1;
        let truths = truths(annotated);
        let methods: [(&str, Vec<usize>); 2] =
            [("ours", change_points(&series)), ("never", Vec::new())];
        for (method, found) in methods {
            let found: BTreeSet<usize> = found.into_iter().chain([0]).collect();
            let mut measures = f1(&truths, &found);
            measures.push(("cover", cover(&truths, &found, series.len())));
            measures.push(("changes", (found.len() - 1) as f64));
            table.add(name, method, measures);
        }
    }
    eprintln!("{scored} series; of several dimensions: {}", wide.join(", "));
    eprintln!("not here, their terms want each person to fetch them: {}", missing.join(", "));
    Ok(())
}

/// The values of a series with one dimension, a missing one as the one before.
fn series(file: &Value) -> Option<Vec<f64>> {
    let [only] = file["series"].as_array()?.as_slice() else { return None };
    let mut last = 0.0;
    let values = only["raw"].as_array()?.iter().map(|value| {
        last = value.as_f64().filter(|value| value.is_finite()).unwrap_or(last);
        last
    });
    Some(values.collect())
}

/// What each annotator marked, with the beginning.
fn truths(annotated: &Value) -> Vec<BTreeSet<usize>> {
    let points = |marks: &Value| {
        let marks = marks.as_array().into_iter().flatten().filter_map(Value::as_u64);
        marks.map(|mark| mark as usize).chain([0]).collect()
    };
    annotated.as_object().into_iter().flatten().map(|(_, marks)| points(marks)).collect()
}

fn f1(truths: &[BTreeSet<usize>], found: &BTreeSet<usize>) -> Vec<(&'static str, f64)> {
    let all: BTreeSet<usize> = truths.iter().flatten().copied().collect();
    let precision = right(&all, found) as f64 / found.len() as f64;
    let recalls = truths.iter().map(|truth| right(truth, found) as f64 / truth.len() as f64);
    let recall = recalls.sum::<f64>() / truths.len().max(1) as f64;
    let f1 = 2.0 * precision * recall / (precision + recall);
    vec![("F1", f1), ("precision", precision), ("recall", recall)]
}

/// How many of the marked points have a predicted one of their own nearby.
fn right(truth: &BTreeSet<usize>, found: &BTreeSet<usize>) -> usize {
    let mut left = found.clone();
    let mut count = 0;
    for mark in truth {
        let near = left.range(mark.saturating_sub(MARGIN)..=mark + MARGIN);
        if let Some(nearest) = near.min_by_key(|point| (point.abs_diff(*mark), **point)).copied() {
            left.remove(&nearest);
            count += 1;
        }
    }
    count
}

fn cover(truths: &[BTreeSet<usize>], found: &BTreeSet<usize>, length: usize) -> f64 {
    let predicted = segments(found, length);
    let of = |truth: &BTreeSet<usize>| {
        let covered = segments(truth, length).into_iter().map(|(start, end)| {
            let best = predicted.iter().map(|(from, to)| {
                let shared = end.min(*to).saturating_sub(start.max(*from));
                shared as f64 / (end.max(*to) - start.min(*from)) as f64
            });
            (end - start) as f64 * best.fold(0.0, f64::max)
        });
        covered.sum::<f64>() / length.max(1) as f64
    };
    truths.iter().map(of).sum::<f64>() / truths.len().max(1) as f64
}

/// From each point to the next, the last one to the end.
fn segments(points: &BTreeSet<usize>, length: usize) -> Vec<(usize, usize)> {
    let ends = points.iter().copied().skip(1).chain([length]);
    points.iter().copied().zip(ends).filter(|(start, end)| start < end).collect()
}
