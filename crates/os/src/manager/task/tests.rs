//! What a spec becomes for the Task Scheduler.

use std::path::PathBuf;

use abide_spec::Spec;

use super::*;
use crate::manager::Level;
use crate::paths::Layout;

const USER: &str = "S-1-5-21-1-2-3-1001";

fn spec(more: &str) -> Spec {
    Spec::parse(&format!("name = \"orders\"\n{more}\n[program]\ncommand = ['C:\\srv\\orders.exe']\n"))
        .unwrap()
}

fn context() -> Context {
    let layout = Layout::user_of_windows(r"C:\Users\A & B\AppData\Local");
    Context {
        supervisor: PathBuf::from(
            r"C:\Users\A & B\AppData\Local\Abide\lib\abide-supervisor-0123456789ab.exe",
        ),
        layout,
        spec_text: "the spec".into(),
        version: None,
        jit: false,
    }
}

fn xml(more: &str) -> String {
    let artifacts = render_for(&spec(more), &context(), USER);
    assert_eq!(artifacts.len(), 1);
    let target = artifacts[0].target.to_string();
    assert_eq!(target, r"file C:\Users\A & B\AppData\Local\Abide\units\orders.xml");
    artifacts[0].content.clone()
}

#[test]
fn a_plain_spec_becomes_a_hidden_task_at_logon() {
    assert_eq!(xml(""), include_str!("golden.xml"));
}

#[test]
fn start_modes_become_triggers() {
    for (mode, trigger, enabled, delay) in [
        ("auto", "true", "true", false),
        ("delayed", "true", "true", true),
        ("manual", "false", "true", false),
        ("disabled", "false", "false", false),
    ] {
        let xml = xml(&format!("start.mode = \"{mode}\""));
        assert!(
            xml.contains(&format!("<LogonTrigger>\n      <Enabled>{trigger}</Enabled>")),
            "{mode}: {xml}"
        );
        assert!(xml.contains(&format!("<Enabled>{enabled}</Enabled>\n    <Hidden>")), "{mode}: {xml}");
        assert_eq!(xml.contains("<Delay>PT1M</Delay>"), delay, "{mode}");
    }
}

#[test]
fn texts_are_written_as_xml_has_them() {
    let xml = xml("display-name = \"Orders & <more>\"\ndescription = \"\\\"quoted\\\" é 日本\"");
    let expected = "<Description>Orders &amp; &lt;more&gt;: &quot;quoted&quot; é 日本</Description>";
    assert!(xml.contains(expected), "{xml}");
}

#[test]
fn what_a_task_cannot_do_is_found() {
    for (more, field) in
        [("start.after = [\"postgres\"]", "start.after"), ("account.run-as = \"system\"", "account.run-as")]
    {
        let found = findings(&spec(more), &context());
        let error = found.iter().find(|finding| finding.level == Level::Error);
        assert_eq!(error.and_then(|error| error.field.as_deref()), Some(field), "{found:?}");
    }
    let mut direct = spec("");
    direct.program.supervised = false;
    assert!(findings(&direct, &context()).iter().any(|finding| finding.level == Level::Error));
    let plain = findings(&spec(""), &context());
    assert!(plain.iter().all(|finding| finding.level == Level::Note), "{plain:?}");
}
