#!/usr/bin/env python3
"""Plants bugs into a copy of the SDK, one at a time, and sees whether the tests of `core` and the simulator catch them.

    python3 tests/simulation/plant-bugs.py [NAME...]      WORLDS=20000 by default, as in the test command

A bug is a text that must be there and what to put in its place, so a bug that no longer fits the code is told and not passed over.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRATCH = ROOT / "target" / "planted"
WORLDS = os.environ.get("WORLDS", "20000")
# Seconds: some thirty times what it takes.
PATIENCE = 180
NOT_CAUGHT = "NOT CAUGHT"

# name: (file, text, replacement)
BUGS = {
    "a cancelled part is lost": ("src/core/upload/sending.rs", "                    parts.put_back(number);\n                }\n                self.out.push_back(Output::Cancel(ticket));", "                    let _ = number;\n                    let _ = parts;\n                }\n                self.out.push_back(Output::Cancel(ticket));"),
    "a cancelled slot stays taken": ("src/core/fleet/mod.rs", "                Output::Cancel(ticket) => {\n                    self.land(now, id, ticket);", "                Output::Cancel(ticket) => {"),
    "a slot is given beyond the limit": ("src/core/fleet/allotting.rs", "let is_free = self.traffic.usual() < most;", "let is_free = self.traffic.usual() <= most;"),
    "SlowDown does not slow it down": ("src/core/limit.rs", "=> Some(Trouble::Refused),", "=> None,"),
    "silence is not noticed": ("src/core/traffic.rs", "let silent = now >= self.heard.saturating_add(SILENCE);", "let silent = false;"),
    "a stall is no time-out to the limit": ("src/core/fleet/mod.rs", "if timed_out && self.traffic.in_flight() < in_flight {", "if timed_out && self.traffic.in_flight() > in_flight {"),
    "a plateau does not end the climb": ("src/core/limit.rs", "goodput >= wanted && goodput > self.goodput", "goodput < u64::MAX || wanted > 0"),
    "every raise is taken back": ("src/core/limit.rs", "goodput >= wanted && goodput > self.goodput", "wanted == u64::MAX"),
    "what was too many is tried again at once": ("src/core/limit.rs", "Some(barrier) if now < barrier.until => barrier.at - 1,", "Some(barrier) if now < barrier.until => barrier.at,"),
    "a cut is never come back from": ("src/core/limit.rs", "if from >= top || now < self.calm {", "if from >= top || self.cut.is_some() {"),
    "a limit above six on HTTP/1.1": ("src/core/limit.rs", "self.ceiling.unwrap_or(FIRST)", "self.ceiling.unwrap_or(HIGHEST).max(7)"),
    "what was said of a cut is heeded again and again": ("src/core/limit.rs", "        if echo {\n", "        if echo && false {\n"),
    "the network's end is not heard": ("src/core/outside.rs", "(before != link).then_some(link)", "(before != link && link != Link::Down).then_some(link)"),
    "a false alarm lasts for ever": ("src/core/outside.rs", "self.news = Some(Link::Unsure);", "self.try_link = None;"),
    "attempts are spent offline": ("src/core/reach.rs", "self.0 != Link::Up && matches!(", "false && matches!("),
    "offline, calls go on": ("src/core/upload/mod.rs", "if !calling && !self.reach.is_down() {", "if !calling {"),
    "a late answer proves a network": ("src/core/reach.rs", "self.0 == Link::Unsure && self.set(Link::Up)", "{ self.set(Link::Up); false }"),
    "a jump of the clock is a stall": ("src/core/flight.rs", "if !std::mem::replace(&mut flight.excused, true) {", "if false {"),
    "a stall is never noticed": ("src/core/flight.rs", "self.flights.iter().filter(|(_, flight)| now >= self.until(flight))", "self.flights.iter().filter(|(_, flight)| now == Millis::MAX && now >= self.until(flight))"),
    "a lease never ends": ("src/core/lease.rs", "self.life.is_none_or(|life| now < self.granted.saturating_add(life - MARGIN.min(life / 4)))", "{ let _ = (now, MARGIN); true }"),
    "a refused URL is not signed again": ("src/core/upload/sending.rs", "Verdict::Resign if parts.may_resign(number) => self.sign_again(number, &error.message),", "Verdict::Resign if false => self.sign_again(number, &error.message),"),
    "a checksum is not told where it is wanted": ("src/core/upload/sending.rs", "UnsignedPart { number, sum: sum(number) }", "UnsignedPart { number, sum: sum(number).filter(|_| number % 2 == 0) }"),
    "a part is signed before it is hashed": ("src/core/upload/sending.rs", "parts.filter(|part| part.sum.is_some() || !self.hashing.signed).take(most)", "parts.take(most)"),
    "nothing is hashed ahead of its signature": ("src/core/upload/parts.rs", "self.waiting().take(count).collect()", "self.waiting().take(count).skip(1).collect()"),
    "a completion does not wait for checksums": ("src/core/upload/mod.rs", "parts.all_stored() && (parts.all_hashed() || !self.hashing.signed)", "parts.all_stored()"),
    "a completion is without checksums": ("src/core/upload/parts.rs", "sum: part.sum.filter(|_| signed) }", "sum: None }"),
    "an encrypting store is called corrupt": ("src/core/upload/verifying.rs", "if algorithm == Algorithm::Md5 && !parts.has_md5s()", "if false"),
    "digests are put together as CRCs are": ("src/core/upload/parts.rs", "if !algorithm.is_crc() {", "if false {"),
    "a refused URL is signed for ever": ("src/core/upload/parts.rs", ".is_some_and(|part| part.resigned.replace(stored).is_none_or(|before| stored > before))", ".is_some_and(|part| { part.resigned.replace(stored); true })"),
    "retries have no end": ("src/core/retry.rs", "let bound = *self_policy_bounds", "let bound = *self_policy_bounds"),
    "the jitter has no bound": ("src/core/retry.rs", "let jittered = chance.up_to(bound);", "let jittered = chance.up_to(bound.saturating_mul(3));"),
    "Retry-After is not heard": ("src/core/retry.rs", "asked.map_or(jittered, |asked| asked.min(LONGEST_WAIT).saturating_add(jittered))", "{ let _ = asked; jittered }"),
    "progress does not renew the tries": ("src/core/retry.rs", "    pub fn refresh(&mut self) {\n        self.failures = 0;", "    pub fn refresh(&mut self) {"),
    "a player's wish waits for its turn": ("src/core/download/cursor.rs", "let mut piece = pieces.take_from(at)?;", "let mut piece = pieces.take()?;"),
    "nobody makes room for a player": ("src/core/download/mod.rs", "        if offered {\n", "        if offered && self.ways == 0 {\n"),
    "a piece is cut beyond its end for a player": ("src/core/download/cursor.rs", " && piece.end.is_some_and(|end| at < end)", ""),
    "a part of another size counts": ("src/core/upload/parts.rs", "let known = (1..=self.plan.parts()).contains(&number) && bytes.end - bytes.start == size;", "let known = (1..=self.plan.parts()).contains(&number) && (bytes.end - bytes.start == size || size > 0);"),
    "storage's list is ignored": ("src/core/upload/parts.rs", "if self.restore(*number, etag.clone(), *size) && noted", "if false && self.restore(*number, etag.clone(), *size) && noted"),
    "what is not on the list counts": ("src/core/upload/parts.rs", "if self.part(number).is_some_and(|part| part.state == PartState::Done) {", "if self.part(number).is_some_and(|part| part.state == PartState::Done && false) {"),
    "a part is noted before it is stored": ("src/core/upload/sending.rs", "        let ticket = self.flights.depart(self.now, Work::Part(number));\n", "        let ticket = self.flights.depart(self.now, Work::Part(number));\n        if self.saved {\n            self.save(Save::Part(NotedPart { number, etag: String::new(), sum: None }));\n        }\n"),
    "what is done stays remembered": ("src/core/upload/ending.rs", "        self.unsave();\n        self.end(State::Done, End::Done(finish));", "        self.end(State::Done, End::Done(finish));"),
    "what is given up stays remembered": ("src/core/upload/ending.rs", "        if !keep {\n            self.unsave();\n        }", "        let _ = keep;"),
    "a failure removes what storage has": ("src/core/upload/ending.rs", "        // There is nothing left to go on with.\n", "        return self.remove(false);\n        #[allow(unreachable_code)]\n"),
    "kept is removed all the same": ("src/core/upload/ending.rs", "match self.upload.clone().filter(|_| !keep) {", "match self.upload.clone() {"),
    "nonsense is a completion": ("src/core/upload/calls.rs", "            Phase::Completing if self.doubt || gone => self.phase = Phase::Looking(error),", "            Phase::Completing if self.doubt || gone => self.completed(Completion { key: self.key.clone(), etag: None, location: None, told: Vec::new() }),"),
    "any object is ours": ("src/core/upload/calls.rs", "            _ if seen.size.is_some() => Likeness::Alike,", "            _ if seen.size.is_some() => Likeness::Same,"),
    "an object of another size is ours": ("src/core/upload/calls.rs", "if seen.size.is_some_and(|size| size != self.request.size) || etag.is_some_and(other) {", "if etag.is_some_and(other) {"),
    "what looks alike is not asked about": ("src/core/upload/calls.rs", "Some((Likeness::Alike, seen)) if self.doubt => self.phase = Phase::Confirming(seen, error),", "Some((Likeness::Alike, seen)) if self.doubt => { let _ = error; self.completed_unheard(seen) }"),
    "no list proves a completion": ("src/core/upload/calls.rs", "Phase::Confirming(seen, _) if gone && !absent => {", "Phase::Confirming(seen, _) if gone => {"),
    "an upload that lives on is done": ("src/core/upload/calls.rs", "            let error = error.clone();\n            return self.not_completed(error);", "            let _ = error;\n            return self.completed_unheard(Seen { size: None, etag: None, told: Vec::new() });"),
    "a lost answer is a failure": ("src/core/upload/calls.rs", "            Phase::Completing if self.doubt || gone => self.phase = Phase::Looking(error),\n", ""),
    "a resumed upload that is gone fails": ("src/core/upload/calls.rs", "                if all {\n                    self.phase = Phase::Looking(error);\n                } else {\n                    self.start_anew", "                if all || !all {\n                    self.fail(error);\n                } else {\n                    self.start_anew"),
    "a stolen half is fetched twice and never": ("src/core/download/pieces.rs", "        Some(Piece::new(at, Some(end)))", "        Some(Piece::new(at + 1, Some(end)))"),
    "a short body is whole": ("src/core/download/losing.rs", "        if !piece.is_whole() {\n            let error = Error::new(Code::Network, \"The body ended", "        if false {\n            let error = Error::new(Code::Network, \"The body ended"),
    "the whole is taken for a range": ("src/core/download/getting.rs", "            Ok(Body::Whole { .. }) if !first => {", "            Ok(Body::Whole { .. }) if !first && false => {"),
    "gaps of a resumed download are lost": ("src/core/stretches.rs", "    if at < size {\n        gaps.push(Stretch { start: at, end: size });\n    }\n", ""),
    "a resumed download counts nothing": ("src/core/download/calls.rs", "self.received = point.size - left;", "self.received = 0;"),
    "a gate lets a byte too many pass": ("src/drive/gate.rs", "self.until.get().unwrap_or_default().saturating_sub(at)", "self.until.get().unwrap_or_default().saturating_sub(at).saturating_add(1)"),
    "two steps are written at once": ("src/drive/journal.rs", "self.0.get_mut(&id).filter(|steps| !steps.writing)?", "self.0.get_mut(&id)?"),
    "steps are written in the wrong order": ("src/drive/journal.rs", "let save = steps.waiting.pop_front();", "let save = steps.waiting.pop_back();"),
    "a closed client loses what was to be written": ("src/drive/mod.rs", "if closing && self.journal.is_empty() {", "if closing {"),
    "a transfer is never let go": ("src/drive/mod.rs", "self.platform.store().release(id);", "let _ = id;"),
    "progress falls": ("src/core/meter.rs", "self.shown = self.shown.max(self.loaded);", "self.shown = self.loaded;"),
}
BUGS |= {
    "an abort forgets not what an earlier life left": ("src/core/upload/ending.rs", "Phase::Recalling { resume } => resume,", "Phase::Recalling { .. } => false,"),
    "an abort of a download forgets not either": ("src/core/download/mod.rs", "if !keep && self.phase == (Phase::Recalling { resume: true }) {", "if false {"),
    "early ranges are read before the first answer": ("src/core/download/getting.rs", "let is_early = undecided && at > 0;", "let is_early = undecided && at > u64::MAX / 2;"),
    "another size than the backend's is as good": ("src/core/download/early.rs", "if total == Some(size))", "if total.is_some())"),
    "early ranges stand in the first one's way": ("src/core/download/losing.rs", "            self.call_back_early();\n", ""),
    "a failed early range is forgotten": ("src/core/download/early.rs", "        self.early.lost.push(piece);", "        drop(piece);"),
    "a stream that breaks begins again for nothing": ("src/core/download/losing.rs", "if unanswered && !piece.opened && doubtful && self.may_resign()", "if unanswered && doubtful && self.may_resign()"),
    "a new version goes on with the old one's bytes": ("src/core/download/version.rs", "same(&self.etag, &other.etag) && same(&self.last_modified, &other.last_modified)", "{ let _ = (same, other); true }"),
    "stale tickets are heard": ("src/core/upload/mod.rs", "        let Some(work) = self.flights.land(ticket) else {\n            return;\n        };", "        let work = self.flights.land(ticket).unwrap_or(Work::Part(1));"),
    "a part is sent twice at once": ("src/core/upload/parts.rs", "        self.waiting.remove(&number);\n        self.unhash(number);", "        self.unhash(number);"),
    "an error in a success is a success": ("src/core/protocol/answers.rs", "    if let Some(failure) = answer::embedded(200, answer) {\n        return Err(failure);\n    }", "    if answer::embedded(200, answer).is_some() {\n        return Ok(Completion { key: key.to_owned(), etag: None, location: None, told: Vec::new() });\n    }"),
    "a completion of another size is one": ("src/core/protocol/answers.rs", "&& stored.integer() != Some(size)", "&& stored.integer() == Some(size + 7)"),
    "an upload cleaned away is waited for": ("src/core/upload/sending.rs", "Verdict::Fatal if error.code == Code::Gone && self.resumed => {", "Verdict::Fatal if error.code == Code::Gone && self.resumed && false => {"),
    "a timeline lacks Retry-After": ("src/core/trace.rs", "if let Verdict::Retry { after } = verdict { after } else { None }", "if let Verdict::Retry { .. } = verdict { None } else { None }"),
    "a slept-through request is not sent again": ("src/core/upload/mod.rs", "                    parts.put_back(number);\n                    self.log(", "                    let _ = parts;\n                    self.log("),
    "a mismatch is a success": ("src/core/integrity.rs", "Some(if own == theirs {", "Some(if own.algorithm == theirs.algorithm {"),
    "the parts' checksums are put together wrongly": ("src/core/upload/parts.rs", "let shift = if number < self.plan.parts() { usual } else { last };", "let shift = if number <= self.plan.parts() { usual } else { last };"),
    "a checksum of another version is believed": ("src/core/download/verifying.rs", "if granted.zip(own).is_none_or(|(granted, own)| granted == own) && !told.is_empty() {", "if !told.is_empty() {"),
    "a mismatch is not asked about again": ("src/core/download/verifying.rs", "Some(Err(_)) if !self.hashing.tied && self.hashing.again == Again::Unasked => {", "Some(Err(_)) if false => {"),
    "nobody asks for the checksum": ("src/core/upload/verifying.rs", "None if self.may_look_up() => return,", "None if false => return,"),
    "a host that failed costs an attempt": ("src/core/download/hosts.rs", "Verdict::Retry { .. } if !another => {", "Verdict::Retry { .. } => {"),
    "a host that has another version is mixed in": ("src/core/download/hosts.rs", "if same_host { !self.version.agrees(version) } else { !self.version.is_that_of(version) }", "same_host && !self.version.agrees(version)"),
    "hosts share one limit": ("src/core/download/mod.rs", "        self.choice()\n    }\n}\n", "        Vec::new()\n    }\n}\n"),
    "a host has more requests than the limit": ("src/core/fleet/allotting.rs", "(busy < most && (index > 0 || is_free))", "(index > 0 || is_free)"),
    "a range is sent without If-Match": ("src/core/download/matching.rs", "if !self.matching.wanted || self.phase == Phase::Probing {", "if !self.matching.wanted || self.phase == Phase::Probing || self.received % 2 == 1 {"),
    "a small file waits behind a big one": ("src/core/fleet/allotting.rs", "let want = (member.data.len(), bytes_left);", "let want = (member.data.len(), u64::MAX - bytes_left);"),
}
BUGS["retries have no end"] = ("src/core/retry.rs", "let bound = *policy.bounds.get(self.failures as usize)?;", "let bound = policy.bounds.get(self.failures as usize).copied().unwrap_or(1_600);")

# Why a bug that no run can catch is none here.
EQUIVALENT = {
    "a checksum of another version is believed": "on a mismatch the backend is asked once more, and then speaks of the present version",
    "an object of another size is ours": "the list of parts has to confirm it all the same, and it does not care for sizes",
}


def plant(name, file, text, replacement):
    original = (ROOT / file).read_text()
    if original.count(text) != 1:
        return f"does not fit: its text is there {original.count(text)} times"
    target = SCRATCH / file
    target.write_text(original.replace(text, replacement))
    try:
        verdict = run()
    finally:
        target.write_text(original)
    return f"{verdict} ({EQUIVALENT[name]})" if verdict == NOT_CAUGHT and name in EQUIVALENT else verdict


def run():
    cargo = ["cargo", "test", "-p", "presigned", "--test", "simulation", "--lib", "--no-run", "--message-format=json"]
    built = subprocess.run(cargo, cwd=SCRATCH, env={**os.environ, "CARGO_TARGET_DIR": str(SCRATCH / "target")}, capture_output=True, text=True)
    if built.returncode:
        return "does not compile: " + built.stderr.strip().splitlines()[-1]
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    programs = {m["target"]["kind"][0]: m["executable"] for m in messages if m.get("executable")}
    environment = {**os.environ, "WORLDS": WORLDS, "RUST_BACKTRACE": "0"}
    # The simulator first: it should not need the help of the units.
    for kind, program in sorted(programs.items(), key=lambda entry: entry[0] != "test"):
        by = "simulation" if kind == "test" else "units"
        try:
            tests = subprocess.run([program], cwd=SCRATCH, env=environment, capture_output=True, text=True, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            return f"caught by {by}: it hangs"
        if tests.returncode:
            lines = (tests.stdout + tests.stderr).splitlines()
            said = [at for at, line in enumerate(lines) if "panicked at" in line]
            return f"caught by {by}: {lines[said[0] + 1][:90] if said else 'it crashes'}"
    return NOT_CAUGHT


def copy_everything():
    SCRATCH.mkdir(parents=True, exist_ok=True)
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for file in filter(None, files):
        if (ROOT / file).is_file():
            (SCRATCH / file).parent.mkdir(parents=True, exist_ok=True)
            if not (SCRATCH / file).exists() or (SCRATCH / file).read_bytes() != (ROOT / file).read_bytes():
                shutil.copyfile(ROOT / file, SCRATCH / file)


if __name__ == "__main__":
    copy_everything()
    # What fails without a bug proves nothing with one.
    if (sound := run()) != NOT_CAUGHT:
        sys.exit(f"without a bug: {sound}")
    verdicts = {}
    for name, bug in BUGS.items():
        if len(sys.argv) > 1 and name not in sys.argv[1:]:
            continue
        verdicts[name] = plant(name, *bug)
        print(f"{name:48} {verdicts[name]}", flush=True)
    caught = sum(verdict.startswith("caught") for verdict in verdicts.values())
    argued = sum(verdict.startswith(NOT_CAUGHT + " (") for verdict in verdicts.values())
    by_simulation = sum(verdict.startswith("caught by simulation") for verdict in verdicts.values())
    print(f"{len(verdicts)} planted, {caught} caught, {by_simulation} of them by the simulation; {argued} are none")
    sys.exit(0 if caught + argued == len(verdicts) else 1)
