//! The paths that a policy names, looked at in the project itself.
//!
//! An error is what would make a rule protect something else than it says: a link in its place, a
//! second name beside it, a file where a folder is meant. With one the policy is refused, as a launch
//! would be. What is not there is no error: a name may be forbidden before the first secret is put
//! there, and the embedded defaults name files that most projects lack. It is shown where the project's
//! own file names it, since there it may be a slip; organisation and user write for many projects.

use onboard_policy::{Authority, Layer, NamedPath, Problem};
use onboard_sandbox::{ProfileError, ProjectFolder, Thing};
use onboard_text::nearest;
use std::path::Path;

/// Names of a folder that are looked through for one that was meant.
const NAMES: usize = 1_000;

/// Looks at every path; gives what is worth showing.
///
/// # Errors
/// The first that can't be protected as the policy says, at its place.
pub(crate) fn look(root: &Path, layers: &[Layer]) -> Result<Vec<Problem>, Box<Problem>> {
    // A project that is gone has nothing to protect, and no run of it starts.
    let folder = match root.to_str().map(ProjectFolder::open) {
        Some(Ok(folder)) => folder,
        _ => return Ok(Vec::new()),
    };
    let mut shown = Vec::new();
    for named in layers.iter().flat_map(Layer::named_paths) {
        shown.extend(look_at(root, &folder, &named).map_err(Box::new)?);
    }
    Ok(shown)
}

fn look_at(
    root: &Path,
    folder: &ProjectFolder,
    named: &NamedPath<'_>,
) -> Result<Option<Problem>, Problem> {
    let path = named.path();
    let looked = match named.is_forbidden {
        true => folder.look_at_forbidden(path),
        false => folder.look(path),
    };
    match looked {
        Ok(Thing::File) if named.is_folder() => {
            let problem = named.problem(format!("`{path}/` means a folder, and a file is there"));
            Err(problem.mend(format!("write `{path}`")))
        }
        Ok(Thing::Missing) if named.authority() == Authority::Project => {
            Ok(Some(missing(root, named)))
        }
        Ok(_) => Ok(None),
        Err(error) if named.is_forbidden => Err(unprotected(named, &error)),
        // What git itself or a tool put there is nobody's slip: the default stands for the link.
        Err(_) if named.authority() == Authority::Defaults => Ok(None),
        Err(error) => Err(unprotected(named, &error)),
    }
}

fn unprotected(named: &NamedPath<'_>, error: &ProfileError) -> Problem {
    let path = named.path();
    let (message, mend) = match error {
        ProfileError::ForbiddenSymlink(_) => (
            format!("`{path}` is a symlink or leads through one"),
            "put the file itself there: what a link leads to has another name, which the policy \
             doesn't protect",
        ),
        ProfileError::ForbiddenLinked(_, names) => (
            format!("`{path}` has {names} names (hard links), and can be read by the others"),
            "give it a copy of its own",
        ),
        error => (error.to_string(), "make it a file or folder that can be looked at"),
    };
    named.problem(message).mend(mend)
}

fn missing(root: &Path, named: &NamedPath<'_>) -> Problem {
    let path = named.path();
    let problem = named.problem(format!("`{path}` is not there"));
    let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
    let entries = std::fs::read_dir(root.join(above)).into_iter().flatten().take(NAMES);
    let names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    match nearest(name, &names) {
        Some(near) => problem.mend(format!("did you mean `{near}`?")),
        None => problem.mend("it is protected as soon as it is there"),
    }
}
