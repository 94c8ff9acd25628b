//! Two namespaces and the cable between them; gone when dropped.

use std::process::{Command, Stdio};

use crate::sender::Order;

pub struct Cable {
    /// The listener's namespace, and its interface.
    pub near: String,
    pub far: String,
}

impl Cable {
    pub fn lay() -> Result<Cable, String> {
        let stem = format!("fsb{}", std::process::id() % 100_000);
        let cable = Cable {
            near: format!("{stem}n"),
            far: format!("{stem}f"),
        };
        let Cable { near, far } = &cable;
        for space in [near, far] {
            ip(&["netns", "add", space])?;
            let quiet = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; \
                         echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6";
            let _ = inside(space, "sh").args(["-c", quiet]).output();
        }
        ip(&[
            "link", "add", near, "netns", near, "type", "veth", "peer", "name", far, "netns", far,
        ])?;
        for space in [near, far] {
            ip(&["-n", space, "link", "set", space, "arp", "off", "up"])?;
        }
        Ok(cable)
    }

    /// A command at the listener's end.
    pub fn near(&self, program: &str) -> Command {
        inside(&self.near, program)
    }

    /// Sends at the other end: how many packets were sent, and how many a second.
    pub fn send(&self, order: &Order) -> Result<(u64, f64), String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut command = inside(&self.far, &program.to_string_lossy());
        let output = command
            .args(order.words())
            .stdin(Stdio::null())
            .output()
            .map_err(|error| error.to_string())?;
        let said = String::from_utf8_lossy(&output.stdout);
        let mut numbers = said.split_whitespace();
        let sent = numbers.next().and_then(|text| text.parse().ok());
        let reached = numbers.next().and_then(|text| text.parse().ok());
        sent.zip(reached)
            .ok_or_else(|| format!("nothing was sent: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for space in [&self.near, &self.far] {
            let _ = ip(&["netns", "del", space]);
        }
    }
}

/// `ip netns exec` becomes the program, so signals reach it.
fn inside(space: &str, program: &str) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", space, program]);
    command
}

fn ip(words: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(words).output();
    let output = output.map_err(|error| format!("`ip` cannot be run ({error})"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!(
            "`ip {}` said: {}; this needs root",
            words.join(" "),
            String::from_utf8_lossy(&output.stderr).trim()
        )),
    }
}
