//! Reading what compose has: never a panic, and every spec that comes of it is valid.

#![no_main]

use abide_import::{Kind, Options, import};
use abide_spec::Spec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let options = Options { file_name: Some("x.service".to_owned()), name: None };
    if let Ok(imported) = import(Some(Kind::Compose), bytes, &options) {
        for spec in &imported.specs {
            assert_eq!(Spec::parse(&spec.to_toml()).as_ref(), Ok(spec));
        }
    }
});
