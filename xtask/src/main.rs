//! The project's chores, one subcommand a file. Links nothing of the product: what it needs to
//! know about the workspace it reads from `cargo metadata` and from the files themselves.

mod bench;
mod check;
mod command;
mod docs;
mod eval;
mod fences;
mod fuzz;
mod generate;
mod layers;
mod options;
mod ordinary_user;
mod packages;
mod place;
mod report;
mod sim;
mod soak;
mod test;
mod tidy;
mod tools;
mod torture;
mod walls;
mod workspace;

use std::process::ExitCode;

use workspace::Workspace;

/// One chore: its name on the command line, what it does, and the function that does it.
struct Subcommand {
    name: &'static str,
    about: &'static str,
    run: fn(&Workspace, &[String]) -> Result<(), String>,
}

/// The table of chores. A new chore is a new file and a new row.
const SUBCOMMANDS: &[Subcommand] = &[
    Subcommand {
        name: "check",
        about: "the fast loop: format, layers, tidy, generated files, clippy, pure crates' tests, deny",
        run: check::run,
    },
    Subcommand {
        name: "test",
        about: "installs what the tests need and runs all of them, as root also as an ordinary user",
        run: test::run,
    },
    Subcommand {
        name: "layers",
        about: "each crate depends on lower layers only, and the forbidden edges are absent",
        run: layers::run,
    },
    Subcommand {
        name: "tidy",
        about: "the rules of the house that no compiler knows: file, line, remedy",
        run: tidy::run,
    },
    Subcommand {
        name: "sim",
        about: "hunts over seeds of the simulation: --seeds N, --days D, --projects P, --faults LIST",
        run: sim::run,
    },
    Subcommand {
        name: "bench",
        about: "measures beside references and writes docs/benchmarks.md: --only ROW, --quick",
        run: bench::run,
    },
    Subcommand {
        name: "eval",
        about: "the analyses beside baselines and other tools on repositories: --only PROTOCOL PATH…",
        run: eval::run,
    },
    Subcommand {
        name: "docs",
        about: "writes the agents' pages in docs/agents from what stands beside their rules",
        run: docs::run,
    },
    Subcommand {
        name: "generate",
        about: "writes the files that are made from tables: every clippy.toml",
        run: generate::run,
    },
    Subcommand {
        name: "torture",
        about: "kills the real daemon again and again: --cycles N --seed S",
        run: torture::run,
    },
    Subcommand {
        name: "walls",
        about: "hostile agents behind the real walls, as both users; writes the table in docs/safety.md",
        run: walls::run,
    },
    Subcommand {
        name: "fuzz",
        about: "feeds parsers and decoders with anything: --target T, --seconds N a target",
        run: fuzz::run,
    },
    Subcommand {
        name: "soak",
        about: "the daemon's memory over --minutes N, or what --starts N, --parallel P leave behind",
        run: soak::run,
    },
];

/// The exit code of a call that asks for no chore there is.
const EXIT_USAGE: u8 = 2;

fn usage() -> String {
    let mut text = String::from("usage: cargo xtask <chore> [arguments]\n\n");
    for subcommand in SUBCOMMANDS {
        text.push_str(&format!("  {:<10} {}\n", subcommand.name, subcommand.about));
    }
    text
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((name, rest)) = arguments.split_first() else {
        eprint!("{}", usage());
        return ExitCode::from(EXIT_USAGE);
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        print!("{}", usage());
        return ExitCode::SUCCESS;
    }
    let Some(subcommand) = SUBCOMMANDS.iter().find(|subcommand| subcommand.name == name) else {
        eprint!("xtask: no chore is called `{name}`\n\n{}", usage());
        return ExitCode::from(EXIT_USAGE);
    };
    match Workspace::find().and_then(|workspace| (subcommand.run)(&workspace, rest)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask {name}: {message}");
            ExitCode::FAILURE
        }
    }
}
