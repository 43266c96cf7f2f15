//! Reading an env-file: never a panic, no value in an error, and what was quoted comes back.

#![no_main]

use std::collections::BTreeMap;

use abide_spec::{env_file, expand};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(entries) = env_file::parse(text) {
        let _ = expand::environment(|name| (name.len() == 1).then(|| name.to_owned()), &entries, &BTreeMap::new());
        let env: BTreeMap<String, String> = entries.into_iter().collect();
        let _ = expand::environment(|_| None, &[], &env);
    }
    if !text.contains('\0') && text.len() < expand::MAX_VALUE {
        let entries = env_file::parse(&format!("KEY={}", env_file::quote(text))).expect("quoted");
        let value = expand::expand("KEY", &entries[0].1, |_| None).expect("escaped");
        assert_eq!(value, text);
    }
});
