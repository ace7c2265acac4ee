//! Where things are on disk: XDG folders, or one folder named by `AI_ONBOARD_HOME`.

use crate::failure::{Failure, Kind};
use onboard_daemon::Paths;
use std::path::PathBuf;

/// Bytes that the kernel takes for a socket's path, without the final NUL.
const SOCKET_PATH_MAX: usize = 107;

/// The folders of this user.
///
/// # Errors
/// When the environment names no home, or the socket's path would be too long for the kernel.
pub fn find() -> Result<Paths, Failure> {
    resolve(|name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
}

fn resolve(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<Paths, Failure> {
    let paths = match variable("AI_ONBOARD_HOME") {
        Some(home) => {
            // The daemon runs in another folder than the command that starts it.
            let home = std::path::absolute(&home)
                .map_err(|error| Failure::file("resolve", &home, &error))?;
            Paths {
                state: home.join("state"),
                runtime: home.join("run"),
                config: home.join("config"),
            }
        }
        None => xdg(&variable)?,
    };
    let length = paths.socket().as_os_str().len();
    if length > SOCKET_PATH_MAX {
        let message = format!(
            "the socket's path has {length} bytes, the kernel takes {SOCKET_PATH_MAX}: {}",
            paths.socket().display()
        );
        return Err(Failure::new(Kind::Failed, message)
            .hint("set AI_ONBOARD_HOME to a folder with a shorter path"));
    }
    Ok(paths)
}

/// Relative paths in the XDG variables are to be ignored, says their specification.
fn xdg(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<Paths, Failure> {
    let absolute = |name: &str| variable(name).filter(|path| path.is_absolute());
    let below_home = |folder: &str| {
        let home = absolute("HOME").ok_or_else(|| {
            Failure::new(Kind::Failed, "HOME is not set to an absolute path")
                .hint("set HOME, or AI_ONBOARD_HOME to a folder for everything")
        })?;
        Ok::<PathBuf, Failure>(home.join(folder))
    };
    let state = match absolute("XDG_STATE_HOME") {
        Some(path) => path,
        None => below_home(".local/state")?,
    };
    let config = match absolute("XDG_CONFIG_HOME") {
        Some(path) => path,
        None => below_home(".config")?,
    };
    let state = state.join("ai_onboard");
    let runtime = match absolute("XDG_RUNTIME_DIR").filter(|path| path.is_dir()) {
        Some(path) => path.join("ai_onboard"),
        None => state.join("run"),
    };
    Ok(Paths { runtime, config: config.join("ai_onboard"), state })
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    fn check(environment: &[(&str, &str)], expect: Expect) {
        let variable = |name: &str| {
            environment.iter().find(|(key, _)| *key == name).map(|(_, value)| PathBuf::from(value))
        };
        let text = match resolve(variable) {
            Ok(paths) => format!(
                "{}\n{}\n{}\n",
                paths.state.display(),
                paths.runtime.display(),
                paths.config.display()
            ),
            Err(failure) => failure.to_string(),
        };
        expect.assert_eq(&text);
    }

    #[test]
    fn one_folder_overrides_all() {
        check(
            &[("AI_ONBOARD_HOME", "/x"), ("HOME", "/home/a"), ("XDG_STATE_HOME", "/s")],
            expect![[r#"
                /x/state
                /x/run
                /x/config
            "#]],
        );
    }

    #[test]
    fn xdg_folders_and_their_defaults() {
        check(
            &[("HOME", "/home/a"), ("XDG_RUNTIME_DIR", "/tmp"), ("XDG_CONFIG_HOME", "relative")],
            expect![[r#"
                /home/a/.local/state/ai_onboard
                /tmp/ai_onboard
                /home/a/.config/ai_onboard
            "#]],
        );
        check(
            &[("HOME", "/home/a"), ("XDG_RUNTIME_DIR", "/no/such/folder")],
            expect![[r#"
                /home/a/.local/state/ai_onboard
                /home/a/.local/state/ai_onboard/run
                /home/a/.config/ai_onboard
            "#]],
        );
    }

    #[test]
    fn what_can_not_work_is_said() {
        check(
            &[],
            expect![[r#"
                error: HOME is not set to an absolute path
                hint: set HOME, or AI_ONBOARD_HOME to a folder for everything"#]],
        );
        let long = format!("/{}", "x".repeat(100));
        check(
            &[("AI_ONBOARD_HOME", &long)],
            expect![[r#"
                error: the socket's path has 117 bytes, the kernel takes 107: /xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx/run/daemon.sock
                hint: set AI_ONBOARD_HOME to a folder with a shorter path"#]],
        );
    }
}
