//! Limits of a unit.

use abide_spec::Spec;

use super::times;
use super::unit::{Setting, Unit};

pub(super) fn map(spec: &mut Spec, unit: &Unit<'_>) {
    for key in ["MemoryLimit", "MemoryMax"] {
        let Some(setting) = unit.last("Service", key) else { continue };
        if setting.value == "infinity" {
            setting.field.carried_with("limits.memory", "no limit");
        } else if setting.value.ends_with('%') {
            setting.field.left("what that comes to depends on the machine: write a size");
        } else if let Some(size) = times::size(&setting.value) {
            spec.limits.memory = Some(size);
            setting.field.carried("limits.memory");
        } else {
            setting.field.bad(format!("`{}` is no size", setting.value), Some("sizes are like 512M or 2G"));
        }
    }
    if let Some(setting) = unit.last("Service", "CPUQuota") {
        let percent = setting.value.strip_suffix('%').and_then(|number| number.trim().parse::<f64>().ok());
        match percent.filter(|percent| *percent > 0.0 && *percent < 1e6) {
            Some(percent) => {
                spec.limits.cpu = Some(percent / 100.0);
                setting.field.carried("limits.cpu");
            }
            None => setting
                .field
                .bad(format!("`{}` is no share of a processor", setting.value), Some("it is like 150%")),
        }
    }
    if let Some(setting) = unit.last("Service", "LimitNOFILE") {
        count(setting, "limits.open-files", &mut spec.limits.open_files);
    }
    if let Some(setting) = unit.last("Service", "LimitNPROC") {
        count(setting, "limits.processes", &mut spec.limits.processes);
        if spec.limits.processes.is_some() {
            setting.field.changed("limits.processes", "it bounds the service, not all processes of its user");
        }
    }
    if let Some(setting) = unit.last("Service", "TasksMax") {
        if setting.value.ends_with('%') {
            setting.field.left("what that comes to depends on the machine: write a number");
        } else {
            count(setting, "limits.processes", &mut spec.limits.processes);
        }
    }
}

/// `65536`, `1024:65536` (soft and hard), `infinity`.
fn count(setting: &Setting<'_>, to: &str, limit: &mut Option<u64>) {
    let (soft, hard) =
        setting.value.split_once(':').map_or((setting.value.as_str(), None), |(s, h)| (s, Some(h)));
    if soft == "infinity" || hard == Some("infinity") {
        setting.field.left("no limit is the default, up to that of the machine");
        return;
    }
    let number =
        |text: &str| text.trim().parse::<u64>().ok().filter(|count| (1..=i64::MAX as u64).contains(count));
    match (number(soft), hard.map(number)) {
        (Some(count), None) => {
            *limit = Some(count);
            setting.field.carried(to);
        }
        (Some(_), Some(Some(hard))) => {
            *limit = Some(hard);
            setting.field.changed(to, "there is one limit, which is both the soft and the hard one");
        }
        _ => setting.field.bad(format!("`{}` is no limit", setting.value), None),
    }
}
