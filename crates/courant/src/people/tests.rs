use super::Role;

#[test]
fn a_higher_role_may_do_what_a_lower_one_may() {
    assert!(Role::Administer > Role::Act && Role::Act > Role::Look);
    for role in Role::ALL {
        assert_eq!(Role::parse(role.as_str()), Some(role));
    }
    assert_eq!(Role::parse("root"), None);
}
