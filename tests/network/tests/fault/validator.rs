//! A node that is killed in the middle of a replay, and started again on its ledger.

use {
    crate::{
        replay::{assert_replayed, finish, replay, until_interval, write_community},
        support::own_node,
    },
    serde_json::Value,
    std::time::Duration,
    tokio::{task::spawn_blocking, time::sleep},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_killed_in_a_replay_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_community(&folder.join("community.csv"));
    let mut node = own_node(&folder.join("node")).await;
    let mut child = replay(&node.url(), folder, false);
    until_interval(folder, 2, &mut child, Duration::from_millis(300)).await;
    node.kill().unwrap();
    sleep(Duration::from_secs(1)).await;
    node.restart().await.expect("the node starts again on its ledger");
    let output = spawn_blocking(|| finish(child)).await.unwrap();
    if output.status.success() {
        // The replay waited for the node.
        assert_replayed(&output);
    } else {
        // One sentence says what was being done, where, and what to do.
        let said = String::from_utf8_lossy(&output.stderr);
        let failure: Value = serde_json::from_str(said.trim()).unwrap_or_else(|_| panic!("{said}"));
        let sentence = failure["error"]["message"].as_str().unwrap_or_else(|| panic!("{said}"));
        assert!(sentence.contains(&node.url()) && !sentence.contains('\n'), "{sentence}");
        let child = replay(&node.url(), folder, true);
        assert_replayed(&spawn_blocking(|| finish(child)).await.unwrap());
    }
    node.stop().await.expect("the node ends in good order");
}
