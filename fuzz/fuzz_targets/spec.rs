//! Reading a spec: never a panic, both readers agree, and what is accepted can be written and read back.

#![no_main]

use abide_spec::Spec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    match Spec::from_bytes(bytes) {
        Ok(spec) => {
            let text = spec.to_toml();
            match Spec::parse(&text) {
                Ok(back) => assert_eq!(back, spec, "{text}"),
                Err(errors) => panic!("cannot read what was written: {errors}\n{text}"),
            }
        }
        Err(errors) => {
            assert!(!errors.0.is_empty());
            let text = String::from_utf8_lossy(bytes);
            assert!(!errors.render("spec.toml".as_ref(), &text, false).contains('\x1b'));
            if let Ok(text) = std::str::from_utf8(bytes) {
                assert!(Spec::parse_lean(text).is_err());
            }
        }
    }
});
