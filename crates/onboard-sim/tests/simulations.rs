//! Whole simulations: sound with and without faults, and the same bytes for the same seed.

use onboard_sim::{Faults, Simulation, shrink};

fn report(seed: u64, projects: u32, days: u32, faults: Faults) -> String {
    let simulation = Simulation { seed, projects, days, faults };
    let report = simulation.run(&mut |_| {}).expect("a world");
    assert!(report.is_sound(), "{report}");
    format!("{report}{}", report.to_json().expect("plain types"))
}

#[test]
fn ordinary_days_are_sound_and_repeat_to_the_byte() {
    let once = report(1, 2, 2, Faults::none());
    assert_eq!(once, report(1, 2, 2, Faults::none()));
    assert_ne!(once, report(2, 2, 2, Faults::none()));
}

#[test]
fn bad_days_are_sound_and_repeat_to_the_byte() {
    assert_eq!(report(1, 2, 1, Faults::all()), report(1, 2, 1, Faults::all()));
}

#[test]
fn progress_is_told_day_by_day() {
    let simulation = Simulation { seed: 3, projects: 1, days: 3, faults: Faults::none() };
    let mut days = Vec::new();
    simulation.run(&mut |progress| days.push(progress.day)).expect("a world");
    assert_eq!(days.len(), 3);
    assert!(days.is_sorted());
}

#[test]
fn a_sound_simulation_does_not_shrink() {
    let simulation = Simulation { seed: 1, projects: 2, days: 1, faults: Faults::none() };
    let report = simulation.run(&mut |_| {}).expect("a world");
    let shrunk = shrink(&simulation, report, &mut |_| {}).expect("a world");
    assert_eq!(shrunk.simulation, simulation);
}
