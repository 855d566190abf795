use fieldseal::Record;

struct Plan;

#[derive(Record)]
#[record(name = "customer", single_row)]
struct Customer {
    #[record(subject)]
    id: i64,
    #[record(seal)]
    email: String,
    plan: Plan,
}

fn main() {}
