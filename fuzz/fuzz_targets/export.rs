//! Writing a spec for other tools: never a panic, and a unit's, WinSW's and NSSM's forms can be read again.

#![no_main]

use abide_import::{Kind, Options, Target, export, import};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for (target, kind) in [
        (Target::Systemd, Some(Kind::Systemd)),
        (Target::Winsw, Some(Kind::Winsw)),
        (Target::Nssm, Some(Kind::Nssm)),
        (Target::Launchd, None),
    ] {
        if let (Ok(exported), Some(kind)) = (export(target, text), kind) {
            let options = Options { file_name: Some(exported.file_name), name: None };
            let _ = import(Some(kind), exported.text.as_bytes(), &options);
        }
    }
});
