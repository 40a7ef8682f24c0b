//! Files that are read and files that are refused.

use {super::*, multibus_client::text::hidden, std::fmt::Write as _};

const HEADER: &str = "interval_start,member,load_wh,generation_wh\n";

fn read(rows: &str) -> Result<Community, FileError> {
    Community::read(format!("{HEADER}{rows}").as_bytes())
}

#[track_caller]
fn refused(rows: &str, line: u64, part: &str) {
    match read(rows) {
        Err(FileError::Row { line: found, reason }) => {
            assert_eq!(found, line, "{reason}");
            assert!(reason.contains(part), "{reason:?} does not say {part:?}");
        }
        other => panic!("expected a refusal of line {line}, got {other:?}"),
    }
}

const GOOD: &str = "2016-06-21T00:00:00+01:00,A,100,0\n2016-06-21T00:15:00+01:00,A,0,70\n";

#[test]
fn broken_rows_are_refused_by_line_and_reason() {
    let time = "2016-06-21T00:30:00+01:00";
    for (broken, part) in [
        (format!("{time},A,5"), "has 3 of 4 columns; generation_wh is missing"),
        (time.to_string(), "has 1 of 4 columns; member is missing"),
        (format!("{time},A,5,6,7"), "has 5 columns"),
        (format!("{time},A,-5,0"), "load_wh is -5: energy cannot be negative"),
        (format!("{time},A,0,-0.5"), "generation_wh is -0.5: energy cannot be negative"),
        (format!("{time},A,five,0"), "load_wh is \"five\", not a whole number of Wh"),
        (format!("{time},A,1.5,0"), "load_wh is \"1.5\", not a whole number"),
        (format!("{time},A,1e-3,0"), "not a whole number"),
        (format!("{time},A,1e99,0"), "not a whole number"),
        (format!("{time},A,1e10,0"), "load_wh is 1e10 Wh, more than 1000000000 Wh"),
        (format!("{time},A,-1e3,0"), "energy cannot be negative"),
        (format!("{time},A,+1,0"), "not a whole number"),
        (format!("{time},A,NaN,0"), "not a whole number of Wh; leave the row out where the reading is missing"),
        (format!("{time},A,NA,0"), "leave the row out"),
        ("2016-06-30T23:59:60Z,A,5,0".into(), "is a leap second"),
        (format!("{time},A,,0"), "load_wh is empty"),
        (format!("{time},A,1000000001,0"), "load_wh is 1000000001 Wh, more than 1000000000 Wh"),
        (format!("{time},A,99999999999999999999999,0"), "check the unit"),
        (format!("{time},,5,0"), "member is empty"),
        (format!("{time},   ,5,0"), "member is empty"),
        (format!("{time},A\u{7}B,5,0"), "control characters"),
        (format!("{time},A\u{202e}B,5,0"), "control characters"),
        (format!("{time},{},5,0", "x".repeat(65)), "member has 65 bytes"),
        ("yesterday,A,5,0".into(), "interval_start \"yesterday\" is not a time"),
        ("2016-06-21T00:30:00,A,5,0".into(), "is not a time in RFC 3339"),
        ("2016-06-31T00:30:00Z,A,5,0".into(), "is not a time"),
        (",A,5,0".into(), "is not a time"),
        ("2016-06-21T00:30:00.5+01:00,A,5,0".into(), "fractions of a second"),
        ("2016-06-21T00:15:00+01:00,A,5,0".into(), "has a row for 2016-06-21T00:15:00+01:00 already, in line 3"),
        ("2016-06-20T23:15:00Z,A,5,0".into(), "already, in line 3"),
    ] {
        refused(&format!("{GOOD}{broken}\n"), 4, part);
    }
}

#[test]
fn a_timestamp_off_the_grid_is_refused_wherever_it_is() {
    let grid: Vec<String> =
        (0..8).map(|quarter| format!("2016-06-21T0{}:{:02}:00Z,A,1,0\n", quarter / 4, quarter % 4 * 15)).collect();
    for line in 0..=8 {
        let mut rows = grid.clone();
        rows.insert(line, "2016-06-21T00:52:00Z,B,1,0\n".into());
        refused(&rows.concat(), line as u64 + 2, "grid of 900 s");
    }
}

/// Rows of members at so many quarters of an hour, by time.
fn quarters(members: usize, intervals: usize) -> Vec<String> {
    let start =
        |interval: usize| jiff::Timestamp::from_second(1_451_606_400 + interval.cast_signed() as i64 * 900).unwrap();
    let rows = (0..intervals).flat_map(|interval| (0..members).map(move |member| (interval, member)));
    rows.map(|(interval, member)| format!("{},M{member},{},{member}\n", start(interval), interval % 700)).collect()
}

#[test]
fn a_file_is_the_same_community_in_any_order_of_its_rows() {
    const MEMBERS: usize = 4;
    let by_time = quarters(MEMBERS, 10_000);
    let community = read(&by_time.concat()).unwrap();
    assert_eq!((community.interval_count(), community.members.len()), (10_000, MEMBERS));
    let mut by_member = by_time.clone();
    by_member.sort_by_key(|row| row.split(',').nth(1).map(str::to_owned));
    let mut backwards: Vec<String> = by_time.chunks(MEMBERS).rev().flatten().cloned().collect();
    for rows in [&by_member, &backwards] {
        assert_eq!(read(&rows.concat()).as_ref(), Ok(&community));
    }
    // Rows that come twice, far from each other: that with the least line is named, also where a later row is broken.
    let (time, other) = ("2016-01-01T01:00:00+01:00", "2016-01-01T00:15:00Z");
    backwards.push(format!("{time},M2,1,0\n"));
    backwards.extend([format!("{other},M1,1,0\n"), format!("{time},M2,1,0\n")]);
    let said = format!("member \"M2\" has a row for {time} already, in line {}", 40_000);
    refused(&backwards.concat(), 40_002, &said);
    backwards.push("broken\n".into());
    refused(&backwards.concat(), 40_002, &said);
    backwards.insert(0, "broken\n".into());
    refused(&backwards.concat(), 2, "has 1 of 4 columns");
}

#[test]
fn some_of_the_intervals_are_a_community_of_their_own() {
    let rows = quarters(3, 12);
    let (whole, part) = (read(&rows.concat()).unwrap(), read(&rows[9..18].concat()).unwrap());
    assert_eq!(whole.clone().within(3..6).as_ref(), Ok(&part));
    assert_eq!(whole.clone().within(3..usize::MAX).unwrap().within(0..3).as_ref(), Ok(&part));
    assert_eq!(
        (whole.totals().deficit_wh > part.totals().deficit_wh, part.interval_range_seconds()),
        (true, (900, 900))
    );
    let none = whole.within(12..40).unwrap();
    assert_eq!((none.interval_count(), none.totals(), none.gaps()), (0, CommunityTotals::default(), &[][..]));
}

#[test]
fn a_file_that_changes_while_it_is_read_is_refused() {
    /// Writes to the file when the end of its input is reached.
    struct Changing<'a>(&'a [u8], std::fs::File);

    impl io::Read for Changing<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let read = self.0.read(buffer)?;
            if read == 0 {
                io::Write::write_all(&mut self.1, b"x")?;
            }
            Ok(read)
        }
    }

    let text = format!("{HEADER}{GOOD}");
    let mut file = tempfile::tempfile().unwrap();
    io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    assert_eq!(Community::read_steady(&file, text.as_bytes()), read(GOOD));
    for text in [text.as_str(), "broken"] {
        let changing = Changing(text.as_bytes(), file.try_clone().unwrap());
        let error = Community::read_steady(&file, changing).unwrap_err().to_string();
        assert!(error.contains("the file changed while it was read"), "{error}");
    }
}

#[test]
fn a_wrong_header_and_empty_files_are_refused() {
    for (text, part) in [
        ("", "the file is empty"),
        (HEADER, "no rows"),
        ("interval_start,member,load_wh\n", "line 1: the header is"),
        ("interval_start,member,load,generation_wh\n", "it must be"),
        ("a;b;c;d\n", "the header is"),
        ("interval_start,member,load_wh,generation_wh,load_wh\n", "has the column \"load_wh\" twice; keep one"),
        ("interval_start,member;load_wh;generation_wh\n", "with commas, semicolons or tabs"),
        ("i\0n\0t\0", "it has zero bytes: save the file as UTF-8"),
    ] {
        let error = Community::read(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
    let error = Community::read(&b"interval_start,member,load_wh,generation_wh\n2016-06-21T00:00:00Z,\xff,1,2\n"[..]);
    assert_eq!(error.unwrap_err().to_string(), "line 2: is not UTF-8; save the file as UTF-8");
}

#[test]
fn numbers_that_r_writes_with_an_exponent_are_read() {
    let time = "2016-06-21T00:00:00Z";
    for (text, energy_wh) in [
        ("1e+05", 100_000),
        ("1E5", 100_000),
        ("1.5e3", 1_500),
        ("1.234e+3", 1_234),
        ("123456e-3", 0),
        ("1200e-2", 12),
        ("0e0", 0),
        ("-0e5", 0),
        ("1e9", 1_000_000_000),
        ("0.5e1", 5),
    ] {
        let read = read(&format!("{time},A,{text},0\n"));
        match energy_wh {
            0 if text.starts_with('1') => assert!(read.unwrap_err().to_string().contains("round it"), "{text}"),
            _ => assert_eq!(read.unwrap().interval(0).unwrap().reading(0).unwrap().load_wh, energy_wh, "{text}"),
        }
    }
}

#[test]
fn a_header_in_any_case_or_once_more_is_no_row() {
    let rows = "2016-06-21T00:00:00Z,A,1,0\n";
    let text =
        format!("Interval_Start,MEMBER,load_Wh,generation_wh\n{rows}\u{feff}{HEADER}2016-06-21T00:15:00Z,A,2,0\n");
    let twice = Community::read(text.as_bytes()).unwrap();
    assert_eq!(twice.interval_count(), 2);
    assert_eq!(twice.notes, ["line 3 is the header once more, and is skipped"]);
    let text = format!("{HEADER}{rows}{HEADER}{HEADER}");
    let thrice = Community::read(text.as_bytes()).unwrap();
    assert!(
        thrice.notes.contains(&"2 lines are the header once more, the first one line 3, and are skipped".to_owned())
    );
}

#[test]
fn workbooks_and_archives_are_named_so() {
    for (bytes, part) in [
        (&b"PK\x03\x04\x14\x00"[..], "save the sheet as CSV"),
        (&b"\xd0\xcf\x11\xe0"[..], "save the sheet as CSV"),
        (&b"\x1f\x8b\x08"[..], "compressed with gzip; unpack it"),
        (&b"PAR1"[..], "Parquet"),
        (&b"%PDF-1.7"[..], "PDF"),
    ] {
        let refused = Community::read(bytes).unwrap_err().to_string();
        assert!(refused.contains(part), "{refused}");
    }
}

#[test]
fn the_village_reads() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/community-rural-2016.csv");
    let village = Community::read_path(&path).unwrap();
    assert_eq!((village.members.len(), village.interval_count(), village.interval_seconds), (13, 192, 900));
    assert_eq!(village.generation_wh().iter().filter(|&&generation| generation > 0).count(), 4);
    let totals = village.totals();
    assert!(totals.tradable_wh > 0 && totals.tradable_wh <= totals.surplus_wh.min(totals.deficit_wh));
}

#[test]
fn lengths_offsets_gaps_and_orders_are_free() {
    let halves =
        read("2020-01-02T00:30:00+05:30,B,1,2\n2020-01-02T00:00:00+05:30,A,3,4\n2020-03-02T01:00:00+05:30,A,5,6\n")
            .unwrap();
    assert_eq!((halves.interval_seconds, halves.interval_count()), (1_800, 3));
    assert_eq!(halves.members, ["B", "A"]);
    assert_eq!(halves.interval(0).unwrap().reading(1), Some(Reading::measured(1, 3, 4)));
    assert_eq!(halves.interval(0).unwrap().reading(0), None);
    assert_eq!(halves.interval(0).unwrap().local_start.rem_euclid(86_400), 0);
    let one = read("2020-01-02T00:07:00Z,A,3,4\n").unwrap();
    assert_eq!(one.interval_seconds, DEFAULT_INTERVAL_SECONDS);
    assert_eq!(one.notes, ["the file has one interval, which is taken to last 15 min"]);
    let far = read("2020-01-02T00:00:00Z,A,3,4\n2020-07-02T00:15:00Z,A,3,4\n").unwrap_err();
    assert!(far.to_string().contains("the rows are 182 days apart"), "{far}");
    let summer_time =
        read("2020-03-29T01:45:00+01:00,A,3,4\n2020-03-29T03:00:00+02:00,A,3,4\n2020-03-29T03:15:00+02:00,A,3,4\n")
            .unwrap();
    assert_eq!(summer_time.interval_seconds, 900);
}

#[test]
fn lines_are_counted_as_an_editor_does() {
    refused("\r\n2020-01-02T00:00:00Z,A,1,1\r\n\r\n\n2020-01-02T00:15:00Z,A,-1,1\r\n", 6, "negative");
    refused("2020-01-02T00:00:00Z,A,1,1\n2020-01-02T00:15:00Z,\"A\nB\",1,1\n", 3, "control characters");
    refused("2020-01-02T00:00:00Z,A,1,1\n2020-01-02T00:15:00Z,\"A,1,1\n", 3, "of 4 columns");
    let unix = format!("{HEADER}2020-01-02T00:00:00Z,A,1,1\n2020-01-02T00:15:00Z,A,1,x\n");
    let dos = unix.replace('\n', "\r\n");
    assert_eq!(Community::read(unix.as_bytes()), Community::read(dos.as_bytes()));
}

#[test]
fn quoted_names_and_marks_are_fine() {
    let text = format!("\u{feff}{HEADER}2020-01-02T00:00:00Z,\"Farm, <north> & \"\"old\"\"\",3,4\r\n");
    let community = Community::read(text.as_bytes()).unwrap();
    assert_eq!(community.members, ["Farm, <north> & \"old\""]);
}

/// Rows at the starts that a calendar of a zone gives, with an offset each.
fn rows(starts: impl IntoIterator<Item = jiff::Zoned>) -> String {
    let row = |start: jiff::Zoned| {
        let label = start.strftime("%Y-%m-%dT%H:%M:%S%:z");
        format!("{label},farm,0,24000\n{label},house,12000,0\n")
    };
    starts.into_iter().map(row).collect()
}

fn berlin(date: &str) -> jiff::Zoned {
    format!("{date}T00:00[Europe/Berlin]").parse().unwrap()
}

#[test]
fn daily_rows_over_a_change_of_clocks_are_read() {
    let days = |from: &str, count: usize| {
        let days = std::iter::successors(Some(berlin(from)), |day| day.tomorrow().ok());
        read(&rows(days.take(count)))
    };
    let spring = days("2024-03-29", 4).unwrap();
    let hours = |community: &Community| -> Vec<u32> {
        community.intervals().map(|interval| interval.unwrap().seconds / 3_600).collect()
    };
    assert_eq!(
        (hours(&spring), spring.interval_seconds, spring.window_seconds()),
        (vec![24, 24, 23, 24], 86_400, None)
    );
    assert!(spring.gaps().is_empty());
    assert!(spring.notes[0].contains("24 h apart on the local clock"), "{:?}", spring.notes);
    assert_eq!(hours(&days("2024-10-25", 5).unwrap()), [24, 24, 25, 24, 24]);
    // However few there are.
    assert_eq!(hours(&days("2024-03-31", 2).unwrap()), [23, 24]);
    assert_eq!(hours(&days("2024-10-27", 2).unwrap()), [25, 24]);
    // Days between which no clock changes have windows, in any zone.
    let summer = days("2024-06-01", 5).unwrap();
    assert_eq!((summer.window_seconds(), summer.notes.len()), (Some(86_400), 0));
    // Quarters of a day of the local clock, and a row that lies on no grid.
    let quarters = |extra: &str| {
        let quarter = |hour: i8| berlin("2024-10-26").with().hour(hour).build().unwrap();
        let next = |hour: i8| berlin("2024-10-27").with().hour(hour).build().unwrap();
        read(&(rows([quarter(0), quarter(6), quarter(12), quarter(18), next(0), next(6), next(12)]) + extra))
    };
    assert_eq!(hours(&quarters("").unwrap()), [6, 6, 6, 6, 7, 6, 6]);
    let error = quarters("2024-10-27T13:00:00+01:00,farm,1,0\n").unwrap_err().to_string();
    assert!(error.contains("does not lie on the grid of 21600 s"), "{error}");
}

#[test]
fn hours_that_come_twice_in_october_are_two_hours() {
    let start = berlin("2024-10-27");
    let hours = std::iter::successors(Some(start), |hour| hour.checked_add(jiff::Span::new().minutes(15)).ok());
    let community = read(&rows(hours.take(100))).unwrap();
    assert_eq!((community.interval_count(), community.window_seconds(), community.gaps()), (100, Some(900), &[][..]));
    assert!(community.notes.is_empty());
    // Without an offset nobody can tell them apart.
    refused("2024-10-27T02:15:00,house,1,0\n", 2, "it has no offset from UTC");
    refused("2024-10-27T02:15:00[Europe/Berlin],house,1,0\n", 2, "it has no offset from UTC");
}

#[test]
fn rows_every_ten_seconds_and_monthly_sums_are_refused_with_their_distance() {
    let every = |span: jiff::Span, count: usize| {
        read(&rows(
            std::iter::successors(Some(berlin("2024-01-01")), move |start| start.checked_add(span).ok()).take(count),
        ))
    };
    for (span, said) in [
        (jiff::Span::new().seconds(10), "the rows are 10 s apart, and the shortest interval of a market is 1 min"),
        (jiff::Span::new().seconds(1), "the rows are 1 s apart"),
        (jiff::Span::new().months(1), "the rows are 31 days apart, and the longest interval of a market is a day"),
        (jiff::Span::new().weeks(1), "the rows are 7 days apart"),
        (jiff::Span::new().years(1), "the rows are 365 days apart"),
    ] {
        let error = every(span, 13).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    for seconds in [60i32, 120, 420, 900, 86_400] {
        assert_eq!(
            every(jiff::Span::new().seconds(seconds), 13).unwrap().window_seconds(),
            Some(seconds.cast_unsigned())
        );
    }
}

#[test]
fn whole_numbers_with_zeros_behind_the_point_are_whole() {
    let time = "2016-06-21T00:00:00+01:00";
    for (written, energy_wh) in [
        ("300.0", 300),
        ("300.", 300),
        ("0.0", 0),
        ("-0.0", 0),
        ("-0", 0),
        ("007", 7),
        ("1.000", 1),
        ("\"300,0\"", 300),
    ] {
        let community = read(&format!("{time},A,{written},0\n")).unwrap_or_else(|error| panic!("{written}: {error}"));
        assert_eq!(community.interval(0).unwrap().reading(0).unwrap().load_wh, energy_wh, "{written}");
    }
    for (written, said) in [
        ("300.5", "not a whole number of Wh; round it, or multiply it by 1000 where it is in kWh"),
        ("\"1,234\"", "can be read as thousands or as a fraction"),
        ("\"1,234,567\"", "write it without separators of thousands"),
        ("1.234.567", "write it without separators of thousands"),
        ("1 234", "write it without separators of thousands"),
        ("1'234", "write it without separators of thousands"),
        ("1\u{a0}234", "write it without separators of thousands"),
        (".0", "not a whole number"),
        ("--1", "not a whole number"),
    ] {
        refused(&format!("{time},A,{written},0\n"), 2, said);
    }
    // Behind semicolons a comma stands before the fraction, and a point may stand between thousands.
    let german = |load: &str| {
        Community::read(format!("interval_start;member;load_wh;generation_wh\n{time};A;{load};0\n").as_bytes())
    };
    assert_eq!(german("300,0").unwrap().interval(0).unwrap().reading(0).unwrap().load_wh, 300);
    assert_eq!(german("0,000").unwrap().interval(0).unwrap().reading(0).unwrap().load_wh, 0);
    for ambiguous in ["1.000", "1,000"] {
        let error = german(ambiguous).unwrap_err().to_string();
        assert!(error.contains("can be read as thousands or as a fraction"), "{error}");
    }
    assert!(german("1.234,0").unwrap_err().to_string().contains("separators of thousands"));
}

#[test]
fn twelve_missing_readings_are_counted_and_can_be_refused() {
    let start = |index: u32| format!("2016-06-21T{:02}:{:02}:00Z", index / 4, index % 4 * 15);
    let file = |missing: &[u32], left_out: &[u32]| {
        let mut text = String::new();
        for index in (0..24).filter(|index| !left_out.contains(index)) {
            let _ = writeln!(text, "{},A,5,0", start(index));
            if !missing.contains(&index) {
                let _ = writeln!(text, "{},B,0,5", start(index));
            }
        }
        read(&text).unwrap()
    };
    let complete = file(&[], &[]);
    assert_eq!((complete.missing_by_member(), complete.require_complete()), (vec![0, 0], Ok(())));
    let twelve: Vec<u32> = (6..18).collect();
    let missing = file(&twelve, &[]);
    assert_eq!(missing.missing_by_member(), [0, 12]);
    let error = missing.require_complete().unwrap_err().to_string();
    assert!(error.contains("12 of 48 readings are missing, first the one of \"B\" at 2016-06-21T01:30:00Z"), "{error}");
    // Rows that nobody has are missing too, unless they are those between separate days.
    let outage = file(&[], &[7, 8]);
    assert_eq!((outage.gaps(), outage.missing_by_member()), (&[Gap { after: 6, seconds: 1_800 }][..], vec![0, 0]));
    let error = outage.require_complete().unwrap_err().to_string();
    assert!(error.contains("no readings for 30 min between the intervals of 2016-06-21T01:30:00Z and"), "{error}");
    let days = "2016-06-21T00:00:00Z,A,1,0\n2016-06-21T00:15:00Z,A,1,0\n2016-12-21T00:00:00Z,A,1,0\n";
    let days = read(&format!("{days}2016-12-21T00:15:00Z,A,1,0\n")).unwrap();
    assert_eq!((days.gaps().len(), days.require_complete()), (1, Ok(())));
}

#[test]
fn a_name_in_two_normal_forms_is_one_member() {
    let (composed, decomposed) = ("M\u{fc}ller", "Mu\u{308}ller");
    let time = |quarter: u32| format!("2016-06-21T00:{:02}:00Z", quarter * 15);
    let community = read(&format!("{},{composed},1,0\n{},{decomposed},2,0\n", time(0), time(1))).unwrap();
    assert_eq!(community.members, [composed]);
    assert_eq!(community.missing_by_member(), [0]);
    assert!(community.notes[0].contains("\"Müller\" is written with different characters in lines 2 and 3"));
    // In one interval they are one member twice.
    refused(&format!("{0},{composed},1,0\n{0},{decomposed},2,0\n", time(0)), 3, "already, in line 2; keep one");
    // Alone, a decomposed name is composed without a word.
    let alone = read(&format!("{},{decomposed},1,0\n", time(0))).unwrap();
    assert_eq!((alone.members, alone.notes.len()), (vec![composed.to_owned()], 1));
    // What nobody can tell apart is refused.
    for (one, other) in [
        ("\u{645}\u{6cc}\u{200c}\u{62e}", "\u{645}\u{6cc}\u{62e}"),
        ("☀", "☀\u{fe0f}"),
        ("Haus 1", "Haus\u{a0}1"),
        ("Haus 1", "Haus  1"),
    ] {
        refused(&format!("{},{one},1,0\n{},{other},1,0\n", time(0), time(1)), 3, "looks the same as");
    }
}

#[test]
fn names_with_joiners_and_selectors_are_read_and_those_that_hide_are_refused() {
    let time = "2016-06-21T00:00:00Z";
    for name in
        ["\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}", "☀\u{fe0f} farm", "\u{1f469}\u{200d}\u{1f33e}"]
    {
        let community = read(&format!("{time},{name},1,0\n")).unwrap();
        assert_eq!(community.members, [name]);
        assert_eq!(hidden(&community.members[0]).next(), None);
    }
    for name in ["M01\u{200d}", "a\u{202e}b", "a\u{2066}b", "\u{200b}a", "a\u{fe0f}", "a\u{ad}b"] {
        refused(&format!("{time},{name},1,0\n"), 2, "has control characters or hidden ones");
    }
}

#[test]
fn empty_rows_of_spreadsheets_are_skipped() {
    let good = "2016-06-21T00:00:00Z,A,1,2\n";
    let community = read(good).unwrap();
    for rows in [
        format!("{good},,,\n,,,\n"),
        format!("{good},,,\r\n  , ,\t,\r\n"),
        format!(",,,\n{good}\n   \n"),
        format!("{},,,\n,,,,,,\n", good.trim_end()),
        format!("{good},,,"),
    ] {
        assert_eq!(read(&rows).as_ref(), Ok(&community), "{rows:?}");
    }
    // Columns without a name, too.
    let wide = format!("{},,\n{},,\n", HEADER.trim_end(), good.trim_end());
    assert_eq!(Community::read(wide.as_bytes()).as_ref(), Ok(&community));
    // What is not empty is no empty row.
    refused(&format!("{good},,1,\n"), 3, "is not a time");
    refused(&format!("{},,x\n", good.trim_end()), 2, "has 6 columns; it must have 4");
    // Lines are counted all the same.
    refused(&format!("{good},,,\n,,,\n2016-06-21T00:15:00Z,A,x,2\n"), 5, "not a whole number");
}

#[test]
fn separators_encodings_and_line_ends_of_spreadsheets_are_read() {
    let text = format!("{HEADER}2016-06-21T00:00:00Z,Müller,1,2\n2016-06-21T00:15:00Z,\"Söder, Nord\",3,4\n");
    let community = Community::read(text.as_bytes()).unwrap();
    let with = |separator: char| {
        text.replace("\"Söder, Nord\"", "\0").replace(',', &separator.to_string()).replace('\0', "\"Söder, Nord\"")
    };
    let utf16 = |text: &str, unit: fn(u16) -> [u8; 2]| -> Vec<u8> {
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(unit).collect()
    };
    for bytes in [
        with(';').into_bytes(),
        with('\t').into_bytes(),
        format!("sep=;\n{}", with(';')).into_bytes(),
        text.replace('\n', "\r\n").into_bytes(),
        text.replace('\n', "\r").into_bytes(),
        with(';').replace('\n', "\r").into_bytes(),
        format!("\u{feff}{text}").into_bytes(),
        format!("\u{feff}{}", text.replacen("interval_start,member", "\"interval_start\",\"member\"", 1)).into_bytes(),
        format!("\n\n{text}").into_bytes(),
        utf16(&text, u16::to_le_bytes),
        utf16(&with('\t').replace('\n', "\r\n"), u16::to_be_bytes),
    ] {
        assert_eq!(Community::read(bytes.as_slice()).as_ref(), Ok(&community), "{:?}", String::from_utf8_lossy(&bytes));
    }
    // Columns in another order, and columns of others.
    let turned = "note,generation_wh,load_wh,member,interval_start\nx,2,1,Müller,2016-06-21T00:00:00Z\n\
                  y,4,3,\"Söder, Nord\",2016-06-21T00:15:00Z\n";
    let turned = Community::read(turned.as_bytes()).unwrap();
    assert_eq!((turned.intervals, turned.notes), (community.intervals, vec!["the column note is not used".to_owned()]));
    // Lines that end in CR are lines.
    let broken = format!("{}2016-06-21T00:30:00Z,A,x,2\r", text.replace('\n', "\r"));
    assert!(Community::read(broken.as_bytes()).unwrap_err().to_string().starts_with("line 4: "));
    let torn = utf16(&text, u16::to_le_bytes);
    let error = Community::read(&torn[..torn.len() - 1]).unwrap_err().to_string();
    assert!(error.contains("not UTF-16 throughout"), "{error}");
}

#[test]
fn a_row_without_an_end_is_refused_before_it_fills_the_memory() {
    use std::io::Read as _;
    let start = format!("{HEADER}2016-06-21T00:00:00Z,A,1,2\n2016-06-21T00:00:00Z,\"B");
    let endless = start.as_bytes().chain(std::io::repeat(b'\n'));
    let error = Community::read(endless).unwrap_err().to_string();
    assert_eq!(error, "line 3: has more than 1048576 bytes; is a quotation mark left open?");
    let endless = std::io::repeat(b'x');
    assert!(Community::read(endless).unwrap_err().to_string().starts_with("line 1: the header is \"xxx"));
}

#[test]
fn a_forecast_is_read_beside_what_was_measured_and_half_of_one_is_refused() {
    let read = |columns: &str, rows: &str| {
        Community::read(format!("interval_start,member,load_wh,generation_wh{columns}\n{rows}").as_bytes())
    };
    let both = ",forecast_generation_wh,forecast_load_wh";
    let rows = "2016-06-21T12:00:00Z,A,100,900,700,50\n2016-06-21T12:00:00Z,B,400,0,0,600.0\n";
    let community = read(both, rows).unwrap();
    assert!(community.has_forecast && community.notes.iter().all(|note| !note.contains("not used")));
    let [a, b] = [0, 1].map(|member| community.interval(0).unwrap().reading(member).unwrap());
    assert_eq!((a.surplus_wh(), a.deficit_wh(), a.delivery_wh(), a.largest_generation_wh()), (650, 0, 800, 900));
    assert_eq!((b.surplus_wh(), b.deficit_wh(), b.delivery_wh()), (0, 600, 0));
    assert_eq!((community.interval(0).unwrap().tradable_wh(), community.largest_generation_wh()), (600, vec![900, 0]));
    assert_eq!(community.is_seller(), [true, false]);
    let measured = community.without_forecast().unwrap();
    assert_eq!((measured.has_forecast, measured.interval(0).unwrap().tradable_wh()), (false, 400));
    let said = "the columns forecast_load_wh and forecast_generation_wh are not used on purchase terms";
    assert!(measured.notes.contains(&said.to_owned()), "{:?}", measured.notes);
    // Without one, what was measured is taken for it.
    let plain = read("", "2016-06-21T12:00:00Z,A,100,900\n").unwrap();
    assert_eq!(
        (plain.has_forecast, plain.interval(0).unwrap().reading(0)),
        (false, Some(Reading::measured(0, 100, 900)))
    );
    for (columns, row, line, said) in [
        (",forecast_load_wh", "1,2,3", 1, "has the column forecast_load_wh and not forecast_generation_wh; add it"),
        (",forecast_generation_wh", "1,2,3", 1, "the column forecast_generation_wh and not forecast_load_wh; add it"),
        (both, "1,2,-3,4", 2, "forecast_generation_wh is -3: energy cannot be negative"),
        (both, "1,2,3,x", 2, "forecast_load_wh is \"x\", not a whole number"),
        (both, "1,2,3,", 2, "forecast_load_wh is empty"),
        (both, "1,2,3", 2, "has 5 of 6 columns; forecast_load_wh is missing"),
        (both, "1,2,3,4,5", 2, "has 7 columns; it must have 6"),
    ] {
        let error = read(columns, &format!("2016-06-21T12:00:00Z,A,{row}\n")).unwrap_err();
        assert!(matches!(&error, FileError::Row { line: found, .. } if *found == line), "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
}
