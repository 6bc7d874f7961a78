package Locks;
# Nothing but loads and stores under a spinlock (PostgreSQL's storage/spin.h): between SpinLockAcquire and
# SpinLockRelease, and in what is handed to those who call it in between, only these are called. And worker slots are
# seen by each_slot() and its twins, which take the slot's lock; lanes by with_entry() and its twins, which hold the
# table's for as long as there is a pointer.
use strict;
use warnings;
use Lint;

# Which are called under the lock with what they are given.
my $holders = qr/\b(?:with_entry|with_made_entry|use_entry|each_role|open_lanes|change_slot|change_mine|signal_slots|with_floor)\b\s*\(/;

my %allowed = map { $_ => 1 } qw(
    if for while switch return sizeof lengthof static_cast const_cast
    Min Max memcpy memset memcmp strlcpy later OidIsValid
    pg_atomic_read_u32 pg_atomic_write_u32 pg_atomic_read_u64 pg_atomic_write_u64
    open_floor lower_floor mark_floor raise_floor
    SpinLockAcquire SpinLockRelease
    use change mark
    add copy_role count_states init_slot is_at lower may_be_ours serves
);

sub look_at {
    my ($file, $text, $from, $to) = @_;
    my $part = substr $text, $from, $to - $from;
    while ($part =~ /\b([A-Za-z_]\w*)\s*(?:<[^<>;()]*>)?\s*\(/g) {
        next if $allowed{$1};
        my $line = 1 + (substr($text, 0, $from + $-[1]) =~ tr/\n//);
        wrong("$file:$line", "$1() under a spinlock: only loads and stores");
    }
    return;
}

sub keep_to {
    my ($file, $text, $home, $names, $instead) = @_;
    return if $file =~ $home;
    while ($text =~ /\b($names)\b/g) {
        my $line = 1 + (substr($text, 0, $-[1]) =~ tr/\n//);
        wrong("$file:$line", "$1() outside its module: $instead holds the lock as long as there is a pointer");
    }
    return;
}

# Where the bracket that was opened just before a position is closed.
sub closing {
    my ($text, $position) = @_;
    my $depth = 1;
    pos($text) = $position;
    while ($text =~ /([()])/g) {
        $depth += $1 eq '(' ? 1 : -1;
        return $-[0] if $depth == 0;
    }
    return length $text;
}

sub look {
    for my $file (sources('extension', qw(cpp hpp))) {
        my $text = code($file);
        while ($text =~ /\bSpinLockAcquire\b/g) {
            my $from = pos $text;
            my $to = index $text, 'SpinLockRelease', $from;
            my $end = index $text, "\n}", $from; # lock_slot() leaves it taken
            $to = $end if $to < 0 || ($end >= 0 && $end < $to);
            look_at($file, $text, $from, $to);
        }
        while ($text =~ /$holders/g) {
            my $from = pos $text;
            look_at($file, $text, $from, closing($text, $from));
        }
        keep_to($file, $text, qr{^extension/memory/slots\.}, qr/lock_slot|lock_slot_of/, 'each_slot()');
        keep_to($file, $text, qr{^extension/lanes/(?:lanes|picks|counts)\.}, qr/find_lane|make_lane|remove_lane|find_role|make_role|role_table/, 'with_entry()');
    }
    return;
}

1;
