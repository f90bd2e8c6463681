;; The passes over the text of a message, 16 octets at a time: base64, line ends, and whether text fits into 7bit.
;; JavaScript puts octets into the memory below, calls a function, and takes the result from there (text.ts). What other octets are in it means
;; nothing; from one call to the next only the globals of the base64 reader count. passes.ts has the same in JavaScript. "from" is included, "to" is not. "out" is where the output begins; functions that write return where it ends.
;; Functions are not inlined, so what is done with every 16 octets stands where it is done.
(module
  ;; 0: the table of base64. 1024: the input, 64 KiB. 67584: the output, 128 KiB. Behind each is room, since 16 octets are read and written
  ;; where there may be fewer.
  (memory (export "memory") 4)
  (global (export "input") i32 (i32.const 1024))
  (global (export "inputSize") i32 (i32.const 65536))
  (global (export "output") i32 (i32.const 67584))

  ;; What each octet stands for in base64 (RFC 4648 section 4): 0 to 63, 64 white space, 65 padding, 66 anything else. JavaScript fills it in.
  (global (export "values") i32 (i32.const 0))

  ;; Reading base64: bits that were read and not written, how many, and how many padding characters there were.
  (global $pending (export "pending") (mut i32) (i32.const 0))
  (global $bits (export "bits") (mut i32) (i32.const 0))
  (global $padding (export "padding") (mut i32) (i32.const 0))

  ;; Which of the 16 octets that begin at "at" are this one, as bits; of those before "to" only.
  (func $find (param $octet i32) (param $at i32) (param $to i32) (result i32)
    (local $left i32)
    (local.set $left (i32.sub (local.get $to) (local.get $at)))
    (i32.and
      (i8x16.bitmask (i8x16.eq (v128.load (local.get $at)) (i8x16.splat (local.get $octet))))
      (select
        (i32.const 0xffff)
        (i32.sub (i32.shl (i32.const 1) (local.get $left)) (i32.const 1))
        (i32.ge_u (local.get $left) (i32.const 16)))))

  ;; Whether it is lines of printable ASCII and tabs, each with an LF, no longer than "longest", without a blank before it. "line": octets of the
  ;; line that goes on here; the last of them is in front of "from". Returns the octets of the line that goes on at "to", or -1.
  (func (export "sevenBit") (param $from i32) (param $to i32) (param $line i32) (param $longest i32) (result i32)
    (local $others v128) (local $start i32) (local $octet i32)
    ;; Where the line would begin if all of it were here.
    (local.set $start (i32.sub (local.get $from) (local.get $line)))
    (block $end
      (loop $next
        (block $other
          (loop $blocks
            ;; Those outside 0x20 to 0x7e.
            (local.set $others
              (i8x16.gt_u
                (i8x16.sub (v128.load (local.get $from)) (i8x16.splat (i32.const 0x20)))
                (i8x16.splat (i32.const 0x5e))))
            (br_if $other (v128.any_true (local.get $others)))
            (local.set $from (i32.add (local.get $from) (i32.const 16)))
            (br_if $blocks (i32.lt_u (local.get $from) (local.get $to)))
            (br $end)))
        (local.set $from (i32.add (local.get $from) (i32.ctz (i8x16.bitmask (local.get $others)))))
        (br_if $end (i32.ge_u (local.get $from) (local.get $to)))
        (local.set $octet (i32.load8_u (local.get $from)))
        (local.set $from (i32.add (local.get $from) (i32.const 1)))
        (br_if $next (i32.eq (local.get $octet) (i32.const 0x09)))
        (if (i32.ne (local.get $octet) (i32.const 0x0a)) (then (return (i32.const -1))))
        (local.set $line (i32.sub (i32.sub (local.get $from) (i32.const 1)) (local.get $start)))
        (if (i32.gt_u (local.get $line) (local.get $longest)) (then (return (i32.const -1))))
        (local.set $octet (i32.load8_u (i32.sub (local.get $from) (i32.const 2))))
        (if (i32.and
              (i32.ne (local.get $line) (i32.const 0))
              (i32.or (i32.eq (local.get $octet) (i32.const 0x20)) (i32.eq (local.get $octet) (i32.const 0x09))))
          (then (return (i32.const -1))))
        (local.set $start (local.get $from))
        (br $next)))
    (i32.sub (local.get $to) (local.get $start)))

  ;; How many LF have no CR before them, that in front of "from" included.
  (func (export "countLoneFeeds") (param $from i32) (param $to i32) (result i32)
    (local $count i32)
    (loop $blocks
      (if (i32.le_u (i32.add (local.get $from) (i32.const 16)) (local.get $to))
        (then
          (local.set $count
            (i32.add
              (local.get $count)
              (i32.popcnt
                (i8x16.bitmask
                  (v128.andnot
                    (i8x16.eq (v128.load (local.get $from)) (i8x16.splat (i32.const 0x0a)))
                    (i8x16.eq (v128.load (i32.sub (local.get $from) (i32.const 1))) (i8x16.splat (i32.const 0x0d))))))))
          (local.set $from (i32.add (local.get $from) (i32.const 16)))
          (br $blocks))))
    (i32.add
      (local.get $count)
      (i32.popcnt
        (i32.and
          (call $find (i32.const 0x0a) (local.get $from) (local.get $to))
          (i32.xor
            (call $find (i32.const 0x0d) (i32.sub (local.get $from) (i32.const 1)) (local.get $to))
            (i32.const -1))))))

  ;; Every LF without a CR before it, that in front of "from" included, as CRLF.
  (func (export "toCrlf") (param $from i32) (param $to i32) (param $out i32) (result i32)
    (local $text v128) (local $feeds v128) (local $count i32)
    (loop $next
      (block $feed
        (loop $blocks
          (local.set $text (v128.load (local.get $from)))
          (v128.store (local.get $out) (local.get $text))
          (local.set $feeds (i8x16.eq (local.get $text) (i8x16.splat (i32.const 0x0a))))
          (br_if $feed (v128.any_true (local.get $feeds)))
          (local.set $from (i32.add (local.get $from) (i32.const 16)))
          (local.set $out (i32.add (local.get $out) (i32.const 16)))
          (br_if $blocks (i32.lt_u (local.get $from) (local.get $to)))
          (return (i32.sub (local.get $out) (i32.sub (local.get $from) (local.get $to))))))
      (local.set $count (i32.ctz (i8x16.bitmask (local.get $feeds))))
      (local.set $from (i32.add (local.get $from) (local.get $count)))
      (local.set $out (i32.add (local.get $out) (local.get $count)))
      (if (i32.ge_u (local.get $from) (local.get $to))
        (then (return (i32.sub (local.get $out) (i32.sub (local.get $from) (local.get $to))))))
      (if (i32.ne (i32.load8_u (i32.sub (local.get $from) (i32.const 1))) (i32.const 0x0d))
        (then
          (i32.store8 (local.get $out) (i32.const 0x0d))
          (local.set $out (i32.add (local.get $out) (i32.const 1)))))
      (i32.store8 (local.get $out) (i32.const 0x0a))
      (local.set $from (i32.add (local.get $from) (i32.const 1)))
      (local.set $out (i32.add (local.get $out) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $from) (local.get $to))))
    (local.get $out))

  ;; How many CR have an LF behind them, that at "to" included.
  (func (export "countPairs") (param $from i32) (param $to i32) (result i32)
    (local $count i32)
    (loop $blocks
      (if (i32.le_u (i32.add (local.get $from) (i32.const 16)) (local.get $to))
        (then
          (local.set $count
            (i32.add
              (local.get $count)
              (i32.popcnt
                (i8x16.bitmask
                  (v128.and
                    (i8x16.eq (v128.load (local.get $from)) (i8x16.splat (i32.const 0x0d)))
                    (i8x16.eq (v128.load offset=1 (local.get $from)) (i8x16.splat (i32.const 0x0a))))))))
          (local.set $from (i32.add (local.get $from) (i32.const 16)))
          (br $blocks))))
    (i32.add
      (local.get $count)
      (i32.popcnt
        (i32.and
          (call $find (i32.const 0x0d) (local.get $from) (local.get $to))
          (call $find
            (i32.const 0x0a)
            (i32.add (local.get $from) (i32.const 1))
            (i32.add (local.get $to) (i32.const 1)))))))

  ;; Every CRLF as LF; the octet at "to" tells whether a CR in front of it goes.
  (func (export "toLf") (param $from i32) (param $to i32) (param $out i32) (result i32)
    (local $text v128) (local $returns v128) (local $count i32)
    (loop $next
      (block $return
        (loop $blocks
          (local.set $text (v128.load (local.get $from)))
          (v128.store (local.get $out) (local.get $text))
          (local.set $returns (i8x16.eq (local.get $text) (i8x16.splat (i32.const 0x0d))))
          (br_if $return (v128.any_true (local.get $returns)))
          (local.set $from (i32.add (local.get $from) (i32.const 16)))
          (local.set $out (i32.add (local.get $out) (i32.const 16)))
          (br_if $blocks (i32.lt_u (local.get $from) (local.get $to)))
          (return (i32.sub (local.get $out) (i32.sub (local.get $from) (local.get $to))))))
      (local.set $count (i32.ctz (i8x16.bitmask (local.get $returns))))
      (local.set $from (i32.add (local.get $from) (local.get $count)))
      (local.set $out (i32.add (local.get $out) (local.get $count)))
      (if (i32.ge_u (local.get $from) (local.get $to))
        (then (return (i32.sub (local.get $out) (i32.sub (local.get $from) (local.get $to))))))
      (local.set $from (i32.add (local.get $from) (i32.const 1)))
      ;; It is in the output already, and stays if there is something else behind it.
      (local.set $out (i32.add (local.get $out) (i32.ne (i32.load8_u (local.get $from)) (i32.const 0x0a))))
      (br_if $next (i32.lt_u (local.get $from) (local.get $to))))
    (local.get $out))

  ;; Base64 in lines of 64 characters, each with an LF, of so many octets, a multiple of 48.
  (func (export "encodeLines") (param $from i32) (param $to i32) (param $out i32) (result i32)
    (local $groups v128) (local $values v128) (local $lineEnd i32)
    (loop $lines
      (if (i32.lt_u (local.get $from) (local.get $to))
        (then
          (local.set $lineEnd (i32.add (local.get $from) (i32.const 48)))
          (loop $blocks
            ;; Each group of three octets as a number of 24 bits, and of that its four values of 6 bits, the highest first.
            (local.set $groups
              (i8x16.swizzle
                (v128.load (local.get $from))
                (v128.const i8x16 2 1 0 0xff 5 4 3 0xff 8 7 6 0xff 11 10 9 0xff)))
            (local.set $values
              (v128.or
                (v128.or
                  (i32x4.shr_u (local.get $groups) (i32.const 18))
                  (v128.and (i32x4.shr_u (local.get $groups) (i32.const 4)) (i32x4.splat (i32.const 0x00003f00))))
                (v128.or
                  (v128.and (i32x4.shl (local.get $groups) (i32.const 10)) (i32x4.splat (i32.const 0x003f0000)))
                  (v128.and (i32x4.shl (local.get $groups) (i32.const 24)) (i32x4.splat (i32.const 0x3f000000))))))
            ;; What makes a character of a value is the same for all capitals (13 in the table), small letters (0), and digits (1 to 10).
            (v128.store
              (local.get $out)
              (i8x16.add
                (local.get $values)
                (i8x16.swizzle
                  (v128.const i8x16 71 -4 -4 -4 -4 -4 -4 -4 -4 -4 -4 -19 -16 65 0 0)
                  (v128.or
                    (i8x16.sub_sat_u (local.get $values) (i8x16.splat (i32.const 51)))
                    (v128.and
                      (i8x16.lt_s (local.get $values) (i8x16.splat (i32.const 26)))
                      (i8x16.splat (i32.const 13)))))))
            (local.set $from (i32.add (local.get $from) (i32.const 12)))
            (local.set $out (i32.add (local.get $out) (i32.const 16)))
            (br_if $blocks (i32.lt_u (local.get $from) (local.get $lineEnd))))
          (i32.store8 (local.get $out) (i32.const 0x0a))
          (local.set $out (i32.add (local.get $out) (i32.const 1)))
          (br $lines))))
    (local.get $out))

  ;; Base64 to octets; white space means nothing. Goes on from the three globals. Returns -1 when there is something that is no base64.
  (func (export "decode") (param $from i32) (param $to i32) (param $out i32) (result i32)
    (local $text v128) (local $high v128) (local $values v128) (local $value i32)
    (block $end
      (loop $next
        (br_if $end (i32.ge_u (local.get $from) (local.get $to)))
        (block $one
          (br_if $one (i32.or (global.get $bits) (global.get $padding)))
          (loop $blocks
            (br_if $one (i32.gt_u (i32.add (local.get $from) (i32.const 16)) (local.get $to)))
            (local.set $text (v128.load (local.get $from)))
            (local.set $high (i8x16.shr_u (local.get $text) (i32.const 4)))
            ;; An octet is in the alphabet when what the tables have for its two halves has no bit in common.
            (br_if $one
              (v128.any_true
                (v128.and
                  (i8x16.swizzle
                    (v128.const i8x16 0x15 0x11 0x11 0x11 0x11 0x11 0x11 0x11 0x11 0x11 0x13 0x1a 0x1b 0x1b 0x1b 0x1a)
                    (v128.and (local.get $text) (i8x16.splat (i32.const 0x0f))))
                  (i8x16.swizzle
                    (v128.const i8x16 0x10 0x10 0x01 0x02 0x04 0x08 0x04 0x08 0x10 0x10 0x10 0x10 0x10 0x10 0x10 0x10)
                    (local.get $high)))))
            ;; What makes a value of a character depends on its upper half, but for the slash.
            (local.set $values
              (i8x16.add
                (local.get $text)
                (i8x16.swizzle
                  (v128.const i8x16 0 16 19 4 -65 -65 -71 -71 0 0 0 0 0 0 0 0)
                  (i8x16.add (local.get $high) (i8x16.eq (local.get $text) (i8x16.splat (i32.const 0x2f)))))))
            ;; Four values of 6 bits as a number of 24, and of that its three octets.
            (v128.store
              (local.get $out)
              (i8x16.swizzle
                (v128.or
                  (v128.or
                    (v128.and (i32x4.shl (local.get $values) (i32.const 18)) (i32x4.splat (i32.const 0x00fc0000)))
                    (v128.and (i32x4.shl (local.get $values) (i32.const 4)) (i32x4.splat (i32.const 0x0003f000))))
                  (v128.or
                    (v128.and (i32x4.shr_u (local.get $values) (i32.const 10)) (i32x4.splat (i32.const 0x00000fc0)))
                    (i32x4.shr_u (local.get $values) (i32.const 24))))
                (v128.const i8x16 2 1 0 6 5 4 10 9 8 14 13 12 0xff 0xff 0xff 0xff)))
            (local.set $from (i32.add (local.get $from) (i32.const 16)))
            (local.set $out (i32.add (local.get $out) (i32.const 12)))
            (br $blocks)))
        (br_if $end (i32.ge_u (local.get $from) (local.get $to)))
        (local.set $value (i32.load8_u (i32.load8_u (local.get $from))))
        (local.set $from (i32.add (local.get $from) (i32.const 1)))
        (br_if $next (i32.eq (local.get $value) (i32.const 64)))
        (if (i32.eq (local.get $value) (i32.const 65))
          (then
            (global.set $padding (i32.add (global.get $padding) (i32.const 1)))
            (br $next)))
        (if (i32.or (i32.eq (local.get $value) (i32.const 66)) (i32.ne (global.get $padding) (i32.const 0)))
          (then (return (i32.const -1))))
        (global.set $pending
          (i32.and (i32.or (i32.shl (global.get $pending) (i32.const 6)) (local.get $value)) (i32.const 0xffff)))
        (global.set $bits (i32.add (global.get $bits) (i32.const 6)))
        (br_if $next (i32.lt_u (global.get $bits) (i32.const 8)))
        (global.set $bits (i32.sub (global.get $bits) (i32.const 8)))
        (i32.store8 (local.get $out) (i32.shr_u (global.get $pending) (global.get $bits)))
        (local.set $out (i32.add (local.get $out) (i32.const 1)))
        (br $next)))
    (local.get $out))
)
