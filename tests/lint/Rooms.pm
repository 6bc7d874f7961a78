package Rooms;
# The arrows between the rooms, drawn in extension/README.md; core knows no PostgreSQL, and one header its majors; the
# sidecar knows nothing of the extension; and no two rooms or modules (header and source as one) need each other.
use strict;
use warnings;
use FindBin;
use Lint;

# What a file of a room may include of ours: its own room, and those that stand below it. The engine's rooms lie on each
# other in this order; hand, schedule, matview and watch stand beside the ways in which jobs are run.
my %may;
{
    my @below;
    my $lay = sub { # rooms side by side on what was laid so far
        $may{$_} = { map { $_ => 1 } @below, $_ } for @_;
        push @below, @_;
    };
    $lay->($_) for qw(core pg timers memory waiters turns lanes records feed hooks base handlers flows letters jobs);
    my @jobs = @below;
    $lay->('enqueue');
    $may{hand} = { map { $_ => 1 } @jobs, 'hand' };
    $lay->('inside');
    $may{here} = { map { $_ => 1 } @below, 'here' };
    $lay->('lease');
    $lay->(qw(group outside));
    $lay->($_) for qw(look published realtime);
    $may{$_} = { map { $_ => 1 } @jobs, $_ } for qw(schedule matview watch);
    push @below, qw(schedule matview watch);
    $lay->('workers');
    $lay->('.');
}

# The sidecar's own arrows: db, json and login know nobody, http json alone, tokens json and login, work db and json,
# route these, worker, realtime, figures, jobs and api routes, cli these, app all.
my %sidecar_may = (
    db    => [qw(db)],
    json  => [qw(json)],
    login => [qw(login)],
    http  => [qw(json http)],
    work  => [qw(db json work)],
    route => [qw(db json http login route)],
    worker => [qw(db json http login route worker)],
    tokens => [qw(json login tokens)],
    realtime => [qw(db json http login route tokens realtime)],
    figures => [qw(db http login route figures)],
    jobs  => [qw(db json http login route jobs)],
    api   => [qw(db json http login route worker tokens realtime figures jobs api)],
    cli   => [qw(db json http login route worker tokens realtime figures jobs api cli)],
    app   => [qw(db json http login route worker tokens realtime figures jobs api cli work app)],
);

# The one header that knows PostgreSQL's majors apart.
my $majors = 'extension/pg/postgres.hpp';

my $server;
sub server {
    unless (defined $server) {
        my $harness = "$FindBin::RealBin/../harness/pg_config";
        chomp(my $config = qx("$harness"));
        chomp($server = qx("$config" --includedir-server));
        die "no pg_config\n" unless $server;
    }
    return $server;
}

sub room_of { my ($file, $tree) = @_; return $file =~ m{^\Q$tree\E/(.*)/[^/]*$} ? $1 : '.' }

sub look_at_extension_include {
    my ($file, $room, $line, $quote, $header) = @_;
    my ($target) = $header =~ m{^([^/]*)/};
    if ($header =~ /\.\./) {
        wrong("$file:$line", "\"$header\": include relative to extension/, as \"room/file.hpp\"");
    } elsif (defined $target && $may{$target} && -f "extension/$header") {
        wrong("$file:$line", "room $room may not include $header") unless $may{$room}{$target};
    } elsif ($header =~ m{^sidecar/}) {
        wrong("$file:$line", "the extension may not include the sidecar's $header");
    } elsif ($header =~ /\.hpp$/) {
        wrong("$file:$line", "there is no extension/$header: ours are included as \"room/file.hpp\"");
    } elsif ($room eq 'core' && ($quote eq '"' || $header =~ /pq.*\.h$/ || -e server() . "/$header")) {
        wrong("$file:$line", "core may not include PostgreSQL's $header");
    }
    return;
}

sub look_at_extension {
    for my $file (sources('extension', qw(cpp hpp h))) {
        my $room = room_of($file, 'extension');
        if (!$may{$room}) {
            wrong("$file:1", "extension/$room is no room that the rule rooms knows");
            next;
        }
        wrong("$file:1", 'only ayb_jobs.cpp stands outside the rooms')
            if $room eq '.' && $file ne 'extension/ayb_jobs.cpp';
        look_at_extension_include($file, $room, @$_) for includes($file);
        next if $file eq $majors;
        my $n = 0;
        for (split /\n/, code($file)) {
            $n++;
            wrong("$file:$n", "what differs by PostgreSQL's major belongs into $majors")
                if /PG_VERSION_NUM|PG_MAJORVERSION/;
        }
    }
    return;
}

sub look_at_sidecar {
    for my $file (sources('sidecar', qw(cpp hpp h))) {
        my $room = room_of($file, 'sidecar');
        wrong("$file:1", "sidecar/$room is no room that the rule rooms knows") unless $sidecar_may{$room};
        for (includes($file)) {
            my ($line, undef, $header) = @$_;
            my ($target) = $header =~ m{^([^/]*)/};
            if ($header =~ m{extension/} || -f "extension/$header"
                || ($header !~ /libpq/ && -f server() . "/$header")) {
                wrong("$file:$line", "the sidecar may not include $header: SQL is the contract");
            } elsif (defined $target && $sidecar_may{$target}
                && !grep { $_ eq $target } @{ $sidecar_may{$room} // [] }) {
                wrong("$file:$line", "room $room of the sidecar may not include $header");
            }
        }
    }
    return;
}

# Who needs whom in a tree: of modules and of rooms, each arrow with the line that draws it.
sub arrows {
    my ($tree) = @_;
    my (%modules, %rooms);
    for my $file (sources($tree, qw(cpp hpp h))) {
        (my $module = $file) =~ s{^\Q$tree\E/(.*)\.\w+$}{$1};
        for (includes($file)) {
            my ($line, undef, $header) = @$_;
            next unless $header =~ m{/} && -f "$tree/$header";
            (my $needed = $header) =~ s{\.\w+$}{};
            $modules{$module}{$needed} //= "$file:$line" if $needed ne $module;
            my ($from, $to) = (room_of($file, $tree), room_of("$tree/$header", $tree));
            $rooms{$from}{$to} //= "$file:$line" if $from ne $to;
        }
    }
    return (\%modules, \%rooms);
}

# The first way round that is found from each node; each is told once.
sub look_for_circles {
    my ($what, $arrows) = @_;
    my (%done, @path, %on_path);
    my $walk;
    $walk = sub {
        my ($node) = @_;
        push @path, $node;
        $on_path{$node} = @path;
        for my $next (sort keys %{ $arrows->{$node} // {} }) {
            if ($on_path{$next}) {
                wrong($arrows->{$node}{$next}, "$what need each other: "
                    . join(' -> ', @path[$on_path{$next} - 1 .. $#path], $next));
            } elsif (!$done{$next}) {
                $walk->($next);
            }
        }
        delete $on_path{ pop @path };
        $done{$node} = 1;
    };
    $done{$_} || $walk->($_) for sort keys %$arrows;
    return;
}

sub look {
    look_at_extension();
    look_at_sidecar();
    for my $tree (qw(extension sidecar)) {
        my ($modules, $rooms) = arrows($tree);
        look_for_circles('modules', $modules);
        look_for_circles('rooms', $rooms);
    }
    return;
}

1;
