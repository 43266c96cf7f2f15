//! What is generated from the types is current. `UPDATE=1 cargo test -p abide-spec --test generated` renews it.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test may")]

use std::path::Path;

fn assert_current(file: &str, wanted: &str) {
    let wanted = wanted.replace("\r\n", "\n");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &wanted).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default().replace("\r\n", "\n");
    assert!(found == wanted, "{file} is out of date; run UPDATE=1 cargo test -p abide-spec --test generated");
}

#[test]
fn reference_is_current() {
    assert_current("../../docs/spec-reference.md", &abide_spec::reference_markdown());
}

#[test]
fn schema_is_current() {
    let schema = serde_json::to_string_pretty(&abide_spec::schema()).unwrap() + "\n";
    assert_current("schema/abide.schema.json", &schema);
}

#[test]
fn reference_tells_every_setting_and_leaves_nothing_open() {
    let reference = abide_spec::reference_markdown();
    assert!(!reference.contains("{{"));
    for line in reference.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line
            .replace("\\|", "")
            .split('|')
            .map(str::trim)
            .map(str::len)
            .map(|n| if n > 0 { "x" } else { "" })
            .collect();
        assert_eq!((cells[1], cells[2], cells[4]), ("x", "x", "x"), "{line}");
    }
}
