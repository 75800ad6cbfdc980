//! An agent that runs no job reads no file of a package: its system calls say so.

use std::fs;

use packhouse::delivery::documents::{ReportedState, When};

use crate::agent::program::program;
use crate::agent::site::{Outcome, Site};
use crate::support::tool;

#[test]
fn an_agent_that_runs_no_job_reads_no_package_file() -> Outcome {
    let strace = tool("strace", "apt-get install strace");
    let mut site = Site::new();
    let package = site.package(("Tool", "1.0"), "echo ran >> \"$LOG\"", 2, |_| {});
    let computer = site.computer("pc");
    let mut job = site.job(&package);
    job.run_at = Some(When::Site { time: site.now() + 100_000 });
    site.give(&computer, std::slice::from_ref(&job));
    site.poll(&computer);
    assert_eq!(site.states(&computer, &job).last(), Some(&ReportedState::WaitingForTime));
    let traced = |name: &str| -> Result<String, Box<dyn std::error::Error>> {
        let log = site.path(name);
        let mut command = std::process::Command::new(&strace);
        command
            .args(["-f", "-y", "-s", "4096", "-e", "trace=file,read,pread64,getdents64,mmap", "-o"])
            .arg(&log);
        let agent = program(&site.path("home"));
        command.arg(agent.get_program()).args(["agent", "run", "--once", "--folder"]).arg(&computer.folder);
        let ran = command.output()?;
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        Ok(fs::read_to_string(log)?)
    };
    let idle = traced("idle.log")?;
    assert!(idle.contains("agent.db"), "the trace sees what the agent reads");
    let touched: Vec<&str> = idle.lines().filter(|line| line.contains("/packages/Tool")).collect();
    assert!(touched.is_empty(), "{touched:#?}");
    // The same with a job that runs: the trace sees that it looks.
    job.run_at = None;
    site.give(&computer, std::slice::from_ref(&job));
    let running = traced("running.log")?;
    assert!(running.lines().any(|line| line.contains("/packages/Tool/1.0/data")));
    assert_eq!(site.runs(), ["ran"]);
    Ok(())
}
