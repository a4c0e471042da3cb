; Read Python's numbers and arrays into the slots of a core's inputs.
;
; A part of pycalls.ll, which says what a record, a parameter and a step are.

; Write a Python number to a slot; return whether it is one of the kind.
define internal i1 @number(ptr %r, i64 %kind, ptr %object, ptr %slot) {
  %type.at = getelementptr i8, ptr %object, i64 8
  %type = load ptr, ptr %type.at
  %float.at = getelementptr %Record, ptr %r, i32 0, i32 15
  %float = load ptr, ptr %float.at
  %is.float = icmp eq ptr %type, %float
  br i1 %is.float, label %floating, label %other
other:
  %float64.at = getelementptr %Record, ptr %r, i32 0, i32 16
  %float64 = load ptr, ptr %float64.at
  %is.float64 = icmp eq ptr %type, %float64
  br i1 %is.float64, label %floating, label %whole

floating:
  %value.at = getelementptr i8, ptr %object, i64 16
  %value = load double, ptr %value.at
  switch i64 %kind, label %no [ i64 0, label %double i64 1, label %single ]
double:
  store double %value, ptr %slot
  ret i1 true
single: ; what is too large is for the fallback to say
  %rounded = fptrunc double %value to float
  %back = fpext float %rounded to double
  %size = call double @llvm.fabs.f64(double %back)
  %infinite = fcmp oeq double %size, 0x7FF0000000000000
  %changed = fcmp one double %back, %value
  %overflow = and i1 %infinite, %changed
  store float %rounded, ptr %slot
  %fits = xor i1 %overflow, true
  ret i1 %fits

whole:
  %int.at = getelementptr %Record, ptr %r, i32 0, i32 17
  %int = load ptr, ptr %int.at
  %is.int = icmp eq ptr %type, %int
  %bool.at = getelementptr %Record, ptr %r, i32 0, i32 18
  %bool = load ptr, ptr %bool.at
  %is.bool = icmp eq ptr %type, %bool
  %known = or i1 %is.int, %is.bool
  br i1 %known, label %convert, label %no
convert:
  switch i64 %kind, label %no [ i64 0, label %real i64 2, label %long
                                i64 3, label %truth ]
real:
  %real.value = call double @PyLong_AsDouble(ptr %object)
  store double %real.value, ptr %slot
  %real.odd = fcmp oeq double %real.value, -1.0
  br i1 %real.odd, label %check, label %yes
long:
  %long.value = call i64 @PyLong_AsLongLong(ptr %object)
  store i64 %long.value, ptr %slot
  %long.odd = icmp eq i64 %long.value, -1
  br i1 %long.odd, label %check, label %yes
truth:
  %true.at = getelementptr %Record, ptr %r, i32 0, i32 19
  %true = load ptr, ptr %true.at
  %is.true = icmp eq ptr %object, %true
  %byte = zext i1 %is.true to i8
  store i8 %byte, ptr %slot
  ret i1 %is.bool

check: ; -1 is itself, or stands for an error
  %error = call ptr @PyErr_Occurred()
  %fine = icmp eq ptr %error, null
  br i1 %fine, label %yes, label %clear
clear:
  call void @PyErr_Clear()
  br label %no
yes:
  ret i1 true
no:
  ret i1 false
}

; Return the data of an array of `size` float64 with these flags, else null.
define internal ptr @vector(ptr %r, ptr %object, i64 %size, i32 %flags) {
  %type.at = getelementptr i8, ptr %object, i64 8
  %type = load ptr, ptr %type.at
  %array.at = getelementptr %Record, ptr %r, i32 0, i32 21
  %array = load ptr, ptr %array.at
  %is.array = icmp eq ptr %type, %array
  br i1 %is.array, label %read, label %no
read:
  %data.at = getelementptr i8, ptr %object, i64 16
  %data = load ptr, ptr %data.at
  %rank.at = getelementptr i8, ptr %object, i64 24
  %rank = load i32, ptr %rank.at
  %descr.at = getelementptr i8, ptr %object, i64 56
  %descr = load ptr, ptr %descr.at
  %known.at = getelementptr i8, ptr %object, i64 64
  %known = load i32, ptr %known.at
  %masked = and i32 %known, %flags
  %right.flags = icmp eq i32 %masked, %flags
  %float64.at = getelementptr %Record, ptr %r, i32 0, i32 22
  %float64 = load ptr, ptr %float64.at
  %is.float64 = icmp eq ptr %descr, %float64
  %right.rank = icmp eq i32 %rank, 1
  %right = and i1 %right.flags, %right.rank
  br i1 %right, label %judge, label %no
judge:
  br i1 %is.float64, label %measure, label %compare
compare: ; an array that was pickled has a dtype of its own
  %descr.type.at = getelementptr i8, ptr %descr, i64 8
  %descr.type = load ptr, ptr %descr.type.at
  %float64.type.at = getelementptr i8, ptr %float64, i64 8
  %float64.type = load ptr, ptr %float64.type.at
  %same.type = icmp eq ptr %descr.type, %float64.type
  %order.at = getelementptr i8, ptr %descr, i64 26
  %order = load i8, ptr %order.at
  %native = icmp eq i8 %order, 61
  %equal = and i1 %same.type, %native
  br i1 %equal, label %measure, label %no
measure:
  %shape.at = getelementptr i8, ptr %object, i64 32
  %shape = load ptr, ptr %shape.at
  %length = load i64, ptr %shape
  %right.length = icmp eq i64 %length, %size
  br i1 %right.length, label %yes, label %no
yes:
  ret ptr %data
no:
  ret ptr null
}

; Return the argument given by a name, null for none; most are at the place `first`.
;
; Names in a program's text are one object wherever they stand. Those that are made when
; it runs are compared, unless they are many.
define internal ptr @named(ptr %name, i64 %first, ptr %given, ptr %names, i64 %count) {
  %guess.at = getelementptr ptr, ptr %names, i64 %first
  %guess = load ptr, ptr %guess.at
  %right = icmp eq ptr %guess, %name
  %few = icmp ule i64 %count, 64
  %nameless = icmp eq ptr %name, null
  br i1 %right, label %found, label %check
check:
  br i1 %nameless, label %missing, label %search
search:
  %i = phi i64 [ 0, %check ], [ %next, %step ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %try, label %missing
try:
  %other.at = getelementptr ptr, ptr %names, i64 %i
  %other = load ptr, ptr %other.at
  %same = icmp eq ptr %other, %name
  br i1 %same, label %found, label %differ
differ:
  br i1 %few, label %compare, label %step
compare:
  %order = call i32 @PyUnicode_Compare(ptr %other, ptr %name)
  %equal = icmp eq i32 %order, 0
  br i1 %equal, label %found, label %step
step:
  %next = add i64 %i, 1
  br label %search
found:
  %place = phi i64 [ %first, %0 ], [ %i, %try ], [ %i, %compare ]
  %object.at = getelementptr ptr, ptr %given, i64 %place
  %object = load ptr, ptr %object.at
  ret ptr %object
missing:
  ret ptr null
}

; Copy a vector's elements to their slots.
define internal void @spread(ptr %in, ptr %places, i64 %first, ptr %data, i64 %size) {
  %ordered = icmp eq ptr %places, null
  br i1 %ordered, label %copy, label %loop
copy:
  %to = getelementptr i64, ptr %in, i64 %first
  %bytes = shl i64 %size, 3
  call void @llvm.memcpy.p0.p0.i64(ptr %to, ptr %data, i64 %bytes, i1 false)
  ret void
loop:
  %i = phi i64 [ 0, %0 ], [ %next, %move ]
  %more = icmp ult i64 %i, %size
  br i1 %more, label %move, label %end
move:
  %from = getelementptr double, ptr %data, i64 %i
  %value = load double, ptr %from
  %k = add i64 %first, %i
  %place.at = getelementptr i64, ptr %places, i64 %k
  %place = load i64, ptr %place.at
  %slot = getelementptr double, ptr %in, i64 %place
  store double %value, ptr %slot
  %next = add i64 %i, 1
  br label %loop
end:
  ret void
}

; Return the core's inputs: `in`, filled, or a vector's own memory; null for no fit.
define internal ptr @arguments(ptr %r, ptr %args, i64 %positional, ptr %names,
                               i64 %by.name, ptr %in) {
  %count.at = getelementptr %Record, ptr %r, i32 0, i32 2
  %count = load i64, ptr %count.at
  %parameters.at = getelementptr %Record, ptr %r, i32 0, i32 3
  %parameters = load ptr, ptr %parameters.at
  %own.at = getelementptr %Record, ptr %r, i32 0, i32 4
  %own = load ptr, ptr %own.at
  %places.at = getelementptr %Record, ptr %r, i32 0, i32 5
  %places = load ptr, ptr %places.at
  %direct.at = getelementptr %Record, ptr %r, i32 0, i32 11
  %direct = load i64, ptr %direct.at
  %given = add i64 %positional, %by.name
  %too.many = icmp ugt i64 %given, %count
  %rest = getelementptr ptr, ptr %args, i64 %positional
  %nameless = icmp eq i64 %by.name, 0
  br i1 %too.many, label %no, label %loop
loop:
  %i = phi i64 [ 0, %0 ], [ %next, %done ]
  %k = phi i64 [ 0, %0 ], [ %after, %done ]
  %left.out = phi i64 [ 0, %0 ], [ %left.out.now, %done ]
  %more = icmp ult i64 %i, %count
  br i1 %more, label %pick, label %end
pick:
  %in.place = icmp ult i64 %i, %positional
  br i1 %in.place, label %by.place, label %find
by.place:
  %placed.at = getelementptr ptr, ptr %args, i64 %i
  %placed = load ptr, ptr %placed.at
  br label %read
find:
  br i1 %nameless, label %missing, label %ask
ask:
  %name.at = getelementptr ptr, ptr %own, i64 %i
  %name = load ptr, ptr %name.at
  %guess = sub i64 %i, %positional
  %possible = icmp ult i64 %guess, %by.name
  %first = select i1 %possible, i64 %guess, i64 0
  %found = call ptr @named(ptr %name, i64 %first, ptr %rest, ptr %names, i64 %by.name)
  %absent = icmp eq ptr %found, null
  br i1 %absent, label %missing, label %read
missing:
  %default.at = getelementptr %Parameter, ptr %parameters, i64 %i, i32 2
  %default = load ptr, ptr %default.at
  %required = icmp eq ptr %default, null
  br i1 %required, label %no, label %read
read:
  %object = phi ptr [ %placed, %by.place ], [ %found, %ask ], [ %default, %missing ]
  %skipped = phi i64 [ 0, %by.place ], [ 0, %ask ], [ 1, %missing ]
  %left.out.now = add i64 %left.out, %skipped
  %kind.at = getelementptr %Parameter, ptr %parameters, i64 %i, i32 0
  %kind = load i64, ptr %kind.at
  %is.vector = icmp eq i64 %kind, 4
  br i1 %is.vector, label %array, label %scalar
scalar:
  %ordered = icmp eq ptr %places, null
  br i1 %ordered, label %write, label %look
look:
  %place.at = getelementptr i64, ptr %places, i64 %k
  %place = load i64, ptr %place.at
  br label %write
write:
  %slot.place = phi i64 [ %k, %scalar ], [ %place, %look ]
  %slot = getelementptr i64, ptr %in, i64 %slot.place
  %written = call i1 @number(ptr %r, i64 %kind, ptr %object, ptr %slot)
  br i1 %written, label %done, label %no
array:
  %size.at = getelementptr %Parameter, ptr %parameters, i64 %i, i32 1
  %size = load i64, ptr %size.at
  %data = call ptr @vector(ptr %r, ptr %object, i64 %size, i32 257)
  %unfit = icmp eq ptr %data, null
  br i1 %unfit, label %no, label %take
take:
  %as.it.is = icmp ne i64 %direct, 0
  br i1 %as.it.is, label %whole, label %copy
whole:
  ret ptr %data
copy:
  call void @spread(ptr %in, ptr %places, i64 %k, ptr %data, i64 %size)
  br label %done
done:
  %width = phi i64 [ 1, %write ], [ %size, %copy ]
  %next = add i64 %i, 1
  %after = add i64 %k, %width
  br label %loop
end: ; of other names none was read
  %read.all = add i64 %given, %left.out
  %complete = icmp eq i64 %read.all, %count
  br i1 %complete, label %yes, label %no
yes:
  ret ptr %in
no:
  ret ptr null
}
