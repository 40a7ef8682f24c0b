//! A client that is killed in the middle of a replay, and goes on.

use {
    crate::support::own_node,
    multibus_localnet::engine::beside,
    serde_json::Value,
    std::{
        fmt::Write,
        fs,
        path::Path,
        process::{Child, Command, Output, Stdio},
        time::{Duration, Instant},
    },
    tokio::time::sleep,
};

/// Members and intervals of the community that is replayed.
const MEMBERS: u64 = 6;
const INTERVALS: u64 = 8;

/// A community with a surplus and a deficit in every interval.
pub fn write_community(path: &Path) {
    let mut text = "interval_start,member,load_wh,generation_wh\n".to_string();
    for interval in 0..INTERVALS {
        for member in 0..MEMBERS {
            let (load, generation) =
                if member % 2 == 0 { (40, 200 + 30 * interval + member) } else { (150 + 20 * member, 10 * interval) };
            let (hour, minute) = (10 + interval / 4, interval % 4 * 15);
            writeln!(text, "2016-06-01T{hour:02}:{minute:02}:00Z,house-{member},{load},{generation}").unwrap();
        }
    }
    fs::write(path, text).unwrap();
}

/// The command-line client, as built beside this test.
pub fn multibus(url: &str) -> Command {
    let mut command = Command::new(beside("multibus").expect("the client is built: `cargo build --bin multibus`"));
    command.args(["--url", url, "--output", "json"]);
    command.env_remove("MULTIBUS_URL").env_remove("MULTIBUS_KEYPAIR").stdin(Stdio::null());
    command
}

/// Starts or resumes a replay.
pub fn replay(url: &str, folder: &Path, resume: bool) -> Child {
    let state = if resume { "--resume" } else { "--state" };
    multibus(url)
        .arg("replay")
        .arg(folder.join("community.csv"))
        .args(["--lock-percent", "60", "--members-per-batch", "2", "--lanes", "2", "--seed", "7", state])
        .arg(folder.join("replay.state"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Intervals that the replay completed, as its state says; 0 while there is none.
fn completed(folder: &Path) -> u64 {
    let Ok(text) = fs::read_to_string(folder.join("replay.state")) else { return 0 };
    let state: Value = serde_json::from_str(&text).expect("the state is whole at every moment");
    state["completed"].as_u64().expect("the state counts intervals")
}

/// Waits until the replay has completed this many intervals, and then for a delay, into the middle of the next one.
pub async fn until_interval(folder: &Path, interval: u64, child: &mut Child, delay: Duration) {
    let started_at = Instant::now();
    while completed(folder) < interval {
        assert!(child.try_wait().unwrap().is_none(), "the replay ended before it could be disturbed");
        assert!(started_at.elapsed() < Duration::from_mins(4), "the replay does not come on");
        sleep(Duration::from_millis(20)).await;
    }
    sleep(delay).await;
}

/// Waits for a replay's end.
pub fn finish(child: Child) -> Output {
    child.wait_with_output().unwrap()
}

/// Asserts that a replay completed: every interval was traded to the Wh, and every invariant holds on the chain.
pub fn assert_replayed(output: &Output) {
    let (text, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{text}");
    let report: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&report["intervals"], &report["interrupted"]), (&INTERVALS.into(), &false.into()), "{text}");
    let invariants = report["invariants"].as_object().unwrap();
    assert!(invariants.len() >= 10 && invariants.values().all(|holds| holds == true), "{invariants:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_killed_twice_resumes_and_pays_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_community(&folder.join("community.csv"));
    let mut node = own_node(&folder.join("node")).await;
    let mut resume = false;
    for (interval, delay) in [(2, 150), (5, 450)] {
        let mut child = replay(&node.url(), folder, resume);
        until_interval(folder, interval, &mut child, Duration::from_millis(delay)).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let done = completed(folder);
        assert!(done >= interval && done < INTERVALS, "{done} intervals were completed");
        resume = true;
    }
    let child = replay(&node.url(), folder, true);
    assert_replayed(&tokio::task::spawn_blocking(|| finish(child)).await.unwrap());
    node.stop().await.expect("the node ends in good order");
}
