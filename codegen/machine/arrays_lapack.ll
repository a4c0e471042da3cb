; Call LAPACK as Numba's `np.linalg` does: copies in, workspace of the size asked for.
;
; A matrix comes in rows, or in columns where %turned says so, and goes out in columns.
; What is returned is 0, or why there is no result: 2 no memory, 4 the matrix.

define internal i1 @"overbar.finite.$letter"(ptr %x, i64 %count) nounwind {
  %some = icmp sgt i64 %count, 0
  br i1 %some, label %next, label %none
next:
  %i = phi i64 [ 0, %0 ], [ %i.next, %next ]
  %good = phi i1 [ true, %0 ], [ %both, %next ]
  %at = getelementptr inbounds $kind, ptr %x, i64 %i
  %value = load $kind, ptr %at
  %nothing = fsub $kind %value, %value
  %fine = fcmp ord $kind %nothing, 0.0
  %both = and i1 %good, %fine
  %i.next = add nuw nsw i64 %i, 1
  %more = icmp slt i64 %i.next, %count
  br i1 %more, label %next, label %done
done:
  ret i1 %both
none:
  ret i1 true
}

define internal void @"overbar.turned.$letter"(ptr noalias %x, ptr noalias %y, i64 %n, i64 %m) nounwind {
  %rows = icmp sgt i64 %n, 0
  %columns = icmp sgt i64 %m, 0
  %some = and i1 %rows, %columns
  br i1 %some, label %column, label %done
column:
  %j = phi i64 [ 0, %0 ], [ %j.next, %end ]
  %start = mul i64 %j, %n
  br label %row
row:
  %i = phi i64 [ 0, %column ], [ %i.next, %row ]
  %line = mul i64 %i, %m
  %from = add i64 %line, %j
  %to = add i64 %start, %i
  %at = getelementptr inbounds $kind, ptr %x, i64 %from
  %value = load $kind, ptr %at
  %place = getelementptr inbounds $kind, ptr %y, i64 %to
  store $kind %value, ptr %place
  %i.next = add nuw nsw i64 %i, 1
  %more = icmp slt i64 %i.next, %n
  br i1 %more, label %row, label %end
end:
  %j.next = add nuw nsw i64 %j, 1
  %left = icmp slt i64 %j.next, %m
  br i1 %left, label %column, label %done
done:
  ret void
}

define internal void @"overbar.columns.$letter"(ptr noalias %x, i1 %turned, ptr noalias %y, i64 %n) nounwind {
  br i1 %turned, label %same, label %other
same:
  %count = mul i64 %n, %n
  %bytes = mul i64 %count, $bytes
  call void @llvm.memcpy.p0.p0.i64(ptr %y, ptr %x, i64 %bytes, i1 false)
  ret void
other:
  call void @"overbar.turned.$letter"(ptr %x, ptr %y, i64 %n, i64 %n)
  ret void
}

define internal i32 @"overbar.solve.$letter"(ptr %a, i1 %turned, ptr %b, ptr %x, i64 %n, i64 %k) nounwind noinline {
  %size = alloca i32
  %width = alloca i32
  %info = alloca i32
  %count = mul i64 %n, %n
  %others = mul i64 %n, %k
  %a.fine = call i1 @"overbar.finite.$letter"(ptr %a, i64 %count)
  %b.fine = call i1 @"overbar.finite.$letter"(ptr %b, i64 %others)
  %fine = and i1 %a.fine, %b.fine
  br i1 %fine, label %look, label %leave
look:
  %some = icmp sgt i64 %n, 0
  br i1 %some, label %ask, label %leave
ask:
  %bytes = mul i64 %count, $bytes
  %more = mul i64 %n, 4
  %all = add i64 %bytes, %more
  %memory = call noalias ptr @malloc(i64 %all)
  %lost = icmp eq ptr %memory, null
  br i1 %lost, label %leave, label %run
run:
  %pivots = getelementptr i8, ptr %memory, i64 %bytes
  %n.short = trunc i64 %n to i32
  %k.short = trunc i64 %k to i32
  store i32 %n.short, ptr %size
  store i32 %k.short, ptr %width
  call void @"overbar.columns.$letter"(ptr %a, i1 %turned, ptr %memory, i64 %n)
  call void @"overbar.turned.$letter"(ptr %b, ptr %x, i64 %n, i64 %k)
  call void @overbar_blas_${letter}gesv(ptr %size, ptr %width, ptr %memory, ptr %size, ptr %pivots, ptr %x, ptr %size, ptr %info)
  call void @free(ptr %memory)
  %found = load i32, ptr %info
  %good = icmp eq i32 %found, 0
  %status = select i1 %good, i32 0, i32 4
  br label %leave
leave:
  %why = phi i32 [ 4, %0 ], [ 0, %look ], [ 2, %ask ], [ %status, %run ]
  ret i32 %why
}

define internal i32 @"overbar.inv.$letter"(ptr %a, i1 %turned, ptr %x, i64 %n) nounwind noinline {
  %size = alloca i32
  %length = alloca i32
  %info = alloca i32
  %wanted = alloca $kind
  %count = mul i64 %n, %n
  %fine = call i1 @"overbar.finite.$letter"(ptr %a, i64 %count)
  br i1 %fine, label %look, label %leave
look:
  %some = icmp sgt i64 %n, 0
  br i1 %some, label %ask, label %leave
ask:
  %n.short = trunc i64 %n to i32
  store i32 %n.short, ptr %size
  %bytes = mul i64 %n, 4
  %pivots = call noalias ptr @malloc(i64 %bytes)
  %lost = icmp eq ptr %pivots, null
  br i1 %lost, label %leave, label %factor
factor:
  call void @"overbar.columns.$letter"(ptr %a, i1 %turned, ptr %x, i64 %n)
  call void @overbar_blas_${letter}getrf(ptr %size, ptr %size, ptr %x, ptr %size, ptr %pivots, ptr %info)
  %found = load i32, ptr %info
  %good = icmp eq i32 %found, 0
  br i1 %good, label %query, label %end
query:
  store i32 -1, ptr %length
  call void @overbar_blas_${letter}getri(ptr %size, ptr %x, ptr %size, ptr %pivots, ptr %wanted, ptr %length, ptr %info)
  %words = load $kind, ptr %wanted
  %words.short = fptosi $kind %words to i32
  store i32 %words.short, ptr %length
  %words.long = sext i32 %words.short to i64
  %room = mul i64 %words.long, $bytes
  %work = call noalias ptr @malloc(i64 %room)
  %none = icmp eq ptr %work, null
  br i1 %none, label %end, label %run
run:
  call void @overbar_blas_${letter}getri(ptr %size, ptr %x, ptr %size, ptr %pivots, ptr %work, ptr %length, ptr %info)
  call void @free(ptr %work)
  %last = load i32, ptr %info
  %well = icmp eq i32 %last, 0
  %status = select i1 %well, i32 0, i32 4
  br label %end
end:
  %known = phi i32 [ 4, %factor ], [ 2, %query ], [ %status, %run ]
  call void @free(ptr %pivots)
  br label %leave
leave:
  %why = phi i32 [ 4, %0 ], [ 0, %look ], [ 2, %ask ], [ %known, %end ]
  ret i32 %why
}

define internal i32 @"overbar.slogdet.$letter"(ptr %a, i1 %turned, ptr %sign, ptr %log, i64 %n) nounwind noinline {
  %size = alloca i32
  %info = alloca i32
  %count = mul i64 %n, %n
  store double 1.0, ptr %sign
  store double 0.0, ptr %log
  %fine = call i1 @"overbar.finite.$letter"(ptr %a, i64 %count)
  br i1 %fine, label %look, label %leave
look:
  %some = icmp sgt i64 %n, 0
  br i1 %some, label %ask, label %leave
ask:
  %n.short = trunc i64 %n to i32
  store i32 %n.short, ptr %size
  %bytes = mul i64 %count, $bytes
  %more = mul i64 %n, 4
  %all = add i64 %bytes, %more
  %memory = call noalias ptr @malloc(i64 %all)
  %lost = icmp eq ptr %memory, null
  br i1 %lost, label %leave, label %factor
factor:
  %pivots = getelementptr i8, ptr %memory, i64 %bytes
  call void @"overbar.columns.$letter"(ptr %a, i1 %turned, ptr %memory, i64 %n)
  call void @overbar_blas_${letter}getrf(ptr %size, ptr %size, ptr %memory, ptr %size, ptr %pivots, ptr %info)
  %found = load i32, ptr %info
  %good = icmp eq i32 %found, 0
  br i1 %good, label %walk, label %singular
singular:
  store double 0.0, ptr %sign
  store double 0xFFF0000000000000, ptr %log
  br label %end
walk:
  %i = phi i64 [ 0, %factor ], [ %i.next, %walk ]
  %odd = phi i1 [ false, %factor ], [ %odd.next, %walk ]
  %sum = phi double [ 0.0, %factor ], [ %sum.next, %walk ]
  %i.next = add nuw nsw i64 %i, 1
  %pivot.at = getelementptr i32, ptr %pivots, i64 %i
  %pivot = load i32, ptr %pivot.at
  %pivot.long = sext i32 %pivot to i64
  %swapped = icmp ne i64 %pivot.long, %i.next
  %line = mul i64 %i, %n
  %place = add i64 %line, %i
  %at = getelementptr $kind, ptr %memory, i64 %place
  %value = load $kind, ptr %at
  %below = fcmp olt $kind %value, 0.0
  %minus = fneg $kind %value
  %size.of = select i1 %below, $kind %minus, $kind %value
  %change = xor i1 %swapped, %below
  %odd.next = xor i1 %odd, %change
  %part = call $kind @llvm.log.$short($kind %size.of) nounwind
  %part.wide = $widened
  %sum.next = fadd double %sum, %part.wide
  %left = icmp slt i64 %i.next, %n
  br i1 %left, label %walk, label %walked
walked:
  %signed = select i1 %odd.next, double -1.0, double 1.0
  store double %signed, ptr %sign
  store double %sum.next, ptr %log
  br label %end
end:
  call void @free(ptr %memory)
  br label %leave
leave:
  %why = phi i32 [ 4, %0 ], [ 0, %look ], [ 2, %ask ], [ 0, %end ]
  ret i32 %why
}

define internal i32 @"overbar.eigh.$letter"(ptr %a, i1 %turned, ptr %w, ptr %v, i64 %n, i8 %job) nounwind noinline {
  %what = alloca i8
  %lower = alloca i8
  %size = alloca i32
  %length = alloca i32
  %others = alloca i32
  %info = alloca i32
  %wanted = alloca $kind
  %wanted.others = alloca i32
  store i8 %job, ptr %what
  store i8 76, ptr %lower
  store i32 -1, ptr %length
  store i32 -1, ptr %others
  %n.short = trunc i64 %n to i32
  store i32 %n.short, ptr %size
  %count = mul i64 %n, %n
  %fine = call i1 @"overbar.finite.$letter"(ptr %a, i64 %count)
  br i1 %fine, label %look, label %leave
look:
  %some = icmp sgt i64 %n, 0
  br i1 %some, label %ask, label %leave
ask:
  call void @"overbar.columns.$letter"(ptr %a, i1 %turned, ptr %v, i64 %n)
  call void @overbar_blas_${letter}syevd(ptr %what, ptr %lower, ptr %size, ptr %v, ptr %size, ptr %w, ptr %wanted, ptr %length, ptr %wanted.others, ptr %others, ptr %info)
  %words = load $kind, ptr %wanted
  %words.short = fptosi $kind %words to i32
  store i32 %words.short, ptr %length
  %words.long = sext i32 %words.short to i64
  %bytes = mul i64 %words.long, $bytes
  %more.short = load i32, ptr %wanted.others
  store i32 %more.short, ptr %others
  %more.long = sext i32 %more.short to i64
  %more = mul i64 %more.long, 4
  %all = add i64 %bytes, %more
  %memory = call noalias ptr @malloc(i64 %all)
  %lost = icmp eq ptr %memory, null
  br i1 %lost, label %leave, label %run
run:
  %second = getelementptr i8, ptr %memory, i64 %bytes
  call void @overbar_blas_${letter}syevd(ptr %what, ptr %lower, ptr %size, ptr %v, ptr %size, ptr %w, ptr %memory, ptr %length, ptr %second, ptr %others, ptr %info)
  call void @free(ptr %memory)
  %found = load i32, ptr %info
  %good = icmp eq i32 %found, 0
  %status = select i1 %good, i32 0, i32 4
  br label %leave
leave:
  %why = phi i32 [ 4, %0 ], [ 0, %look ], [ 2, %ask ], [ %status, %run ]
  ret i32 %why
}

define internal i32 @"overbar.svd.$letter"(ptr %a, i1 %turned, ptr %u, ptr %s, ptr %v, i64 %n) nounwind noinline {
  %what = alloca i8
  %size = alloca i32
  %length = alloca i32
  %info = alloca i32
  %wanted = alloca $kind
  store i8 65, ptr %what
  store i32 -1, ptr %length
  %n.short = trunc i64 %n to i32
  store i32 %n.short, ptr %size
  %count = mul i64 %n, %n
  %bytes = mul i64 %count, $bytes
  %more = mul i64 %n, 32
  %all = add i64 %bytes, %more
  %memory = call noalias ptr @malloc(i64 %all)
  %lost = icmp eq ptr %memory, null
  br i1 %lost, label %leave, label %ask
ask:
  %second = getelementptr i8, ptr %memory, i64 %bytes
  call void @"overbar.columns.$letter"(ptr %a, i1 %turned, ptr %memory, i64 %n)
  call void @overbar_blas_${letter}gesdd(ptr %what, ptr %size, ptr %size, ptr %memory, ptr %size, ptr %s, ptr %u, ptr %size, ptr %v, ptr %size, ptr %wanted, ptr %length, ptr %second, ptr %info)
  %words = load $kind, ptr %wanted
  %words.short = fptosi $kind %words to i32
  store i32 %words.short, ptr %length
  %words.long = sext i32 %words.short to i64
  %room = mul i64 %words.long, $bytes
  %work = call noalias ptr @malloc(i64 %room)
  %none = icmp eq ptr %work, null
  br i1 %none, label %end, label %run
run:
  call void @overbar_blas_${letter}gesdd(ptr %what, ptr %size, ptr %size, ptr %memory, ptr %size, ptr %s, ptr %u, ptr %size, ptr %v, ptr %size, ptr %work, ptr %length, ptr %second, ptr %info)
  call void @free(ptr %work)
  %found = load i32, ptr %info
  %good = icmp eq i32 %found, 0
  %status = select i1 %good, i32 0, i32 4
  br label %end
end:
  %known = phi i32 [ 2, %ask ], [ %status, %run ]
  call void @free(ptr %memory)
  br label %leave
leave:
  %why = phi i32 [ 2, %0 ], [ %known, %end ]
  ret i32 %why
}
