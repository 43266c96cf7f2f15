//! The document by which Prometheus finds what to read (`http_sd_configs`).
//!
//! It is answered to a GET as `application/json`, the whole list each time. On a failure Prometheus goes on with the last
//! one. Labels that begin with `__meta_` are gone once targets were relabelled.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The `Content-Type` of the document.
pub const CONTENT_TYPE: &str = "application/json";

/// Targets that share their labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetGroup {
    /// Where to read: `host:port` each.
    pub targets: Vec<String>,
    /// What is added to all that is read there.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// The document for these groups. Groups without targets are left out.
#[must_use]
pub fn document(groups: &[TargetGroup]) -> String {
    let groups: Vec<&TargetGroup> = groups.iter().filter(|group| !group.targets.is_empty()).collect();
    // Strings, lists and maps of strings cannot fail to be written.
    serde_json::to_string(&groups).unwrap_or_else(|_| "[]".into())
}

/// A name that Prometheus takes for a label: what it does not take becomes `_`.
#[must_use]
pub fn label_name(text: &str) -> String {
    let legal = |character: char| if character.is_ascii_alphanumeric() { character } else { '_' };
    let name: String = text.chars().map(legal).collect();
    if name.starts_with(|first: char| first.is_ascii_digit()) || name.is_empty() {
        format!("_{name}")
    } else {
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_what_prometheus_reads() {
        let group = TargetGroup {
            targets: vec!["h1:9100".into(), "[::1]:9100".into()],
            labels: [("host".into(), "h\"1".into())].into(),
        };
        let document = document(&[group.clone(), TargetGroup::default()]);
        assert_eq!(document, r#"[{"targets":["h1:9100","[::1]:9100"],"labels":{"host":"h\"1"}}]"#);
        assert_eq!(serde_json::from_str::<Vec<TargetGroup>>(&document).unwrap(), [group]);
        assert_eq!(super::document(&[]), "[]");
    }

    #[test]
    fn labels_have_names_that_are_taken() {
        assert_eq!(label_name("team.name"), "team_name");
        assert_eq!(label_name("1st"), "_1st");
        assert_eq!(label_name("ä-b"), "__b");
        assert_eq!(label_name(""), "_");
    }
}
