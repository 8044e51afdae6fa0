# Lines of src/ that no test ran, from what gcov -t prints of all objects. Says
# of each file how much ran, and of each region that did not what it is and,
# from the reasons, why. Used by `make coverage`; test/coverage/reasons explains.
#
#   gcov -t ... | awk -v reasons=test/coverage/reasons -f report.awk
#
# The last lines are `N% of N lines` and `N without a reason, or reasons without`.

BEGIN {
	while ((getline < reasons) > 0) {
		if (/^(#|$)/)
			continue
		n = split($0, field, /\t+/)
		of[++nreasons] = field[1]
		begins[nreasons] = field[2]
		why[nreasons] = field[3]
		if (n != 3 || field[3] == "") {
			print "*** no reason: " $0
			without++
		}
	}
}

# gcov: count, line number and text, or what is known of the file.
{
	count = substr($0, 1, 9)
	number = substr($0, 11, 5) + 0
	line = substr($0, 17)
	gsub(/[ *]/, "", count)
	if (number == 0) {
		if (line ~ /^Source:/) {
			n = split(substr(line, 8), path, "/")
			file = path[n - 1] == "src" ? path[n] : ""
			if (file != "")
				files[file]
		}
		next
	}
	if (file == "")
		next
	if (match(line, /^[A-Za-z_0-9]+\(/))
		begun = substr(line, 1, RLENGTH - 1)
	if (count == "-")
		next
	within[file, number] = begun
	text[file, number] = line
	if (number > last[file])
		last[file] = number
	if (count ~ /^[#=]/)
		run[file, number] += 0
	else
		run[file, number] += count
}

function reason_of(file, number, line,	i) {
	for (i = 1; i <= nreasons; i++)
		if ((of[i] == "*" || of[i] == file ":" within[file, number]) && index(line, begins[i])) {
			used[i]++
			return why[i]
		}
	without++
	return "*** NO REASON"
}

END {
	for (file in files)
		names[++nfiles] = file
	for (i = 2; i <= nfiles; i++) {
		file = names[i]
		for (j = i - 1; j > 0 && names[j] > file; j--)
			names[j + 1] = names[j]
		names[j + 1] = file
	}
	for (i = 1; i <= nfiles; i++) {
		file = names[i]
		all = ran = 0
		missed = ""
		inside = 0
		for (number = 1; number <= last[file]; number++) {
			if (!((file, number) in run))
				continue
			all++
			if (run[file, number] > 0) {
				ran++
				inside = 0
			} else {
				line = text[file, number]
				gsub(/^[ \t]+|[ \t]+$/, "", line)
				if (!inside)
					missed = missed sprintf("\n        %4d  %s: %s\n              -- %s",
						number, within[file, number], line, reason_of(file, number, line))
				inside = 1
			}
		}
		if (all)
			printf "%5.1f%%  src/%s%s\n", 100 * ran / all, file, missed
		sum += all
		sum_ran += ran
	}
	for (i = 1; i <= nreasons; i++)
		if (!used[i] && of[i] != "*" && why[i] !~ /^sometimes: /) {
			print "*** a reason for what is run: " of[i] ": " begins[i]
			without++
		}
	printf "%.1f%% of %d lines\n", sum ? 100 * sum_ran / sum : 0, sum
	printf "%d without a reason, or reasons without\n", without
}
