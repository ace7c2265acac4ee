//! What a person can do where a layer is not enforced.

use crate::layer::Layer;

const GROUPS: &str = "run the daemon as root, or as a systemd user service with Delegate=yes";

/// The mend for a layer, if there is one.
pub fn for_layer(layer: Layer) -> Option<&'static str> {
    match layer {
        Layer::User => Some(
            "allow user namespaces: sysctl user.max_user_namespaces above 0; where AppArmor \
             restricts them, give this program a profile with the rule `userns,`",
        ),
        Layer::Files => Some(
            "allow mounts in user namespaces: a kernel from 5.12, and in a container one that may \
             call mount",
        ),
        Layer::ForbiddenPaths => Some(
            "let this user open /dev/fuse (mode 0666, as most distributions have it; in a container, \
             pass the device in)",
        ),
        Layer::Processes | Layer::Network | Layer::Names => {
            Some("a kernel built with namespaces; in a container, one that may create them")
        }
        Layer::Proc => Some("in a container, one whose own /proc is not covered in parts"),
        Layer::Landlock => {
            Some("a kernel from 5.13 with landlock among its security modules (boot option lsm=)")
        }
        Layer::SystemCalls => Some("a kernel built with CONFIG_SECCOMP_FILTER"),
        Layer::Reports => Some(
            "a kernel from 5.19, on which no other sandbox around this program hears its calls",
        ),
        Layer::Memory | Layer::Cpu | Layer::Pids | Layer::Freeze => Some(GROUPS),
        Layer::DiskReads => Some(
            "a project on a disk, and the io controller: run the daemon as root, or delegate io \
             to its service (Delegate=cpu io memory pids)",
        ),
        Layer::Kill => {
            Some("a kernel from 5.4; in a container, one that may call pidfd_send_signal")
        }
        Layer::Privileges | Layer::FileSize => None,
    }
}
