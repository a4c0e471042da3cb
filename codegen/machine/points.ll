; Go through points from %start to %stop, some at a time, and call @chunk for them.
;
; A column is where an input's or a result's numbers stand, a number of bytes apart.
; @chunk is given columns without gaps, in whole vectors: what is laid out otherwise is
; copied before, and of the last points of all, where they fill no vector, one is
; repeated. So every point goes through the same instructions.

declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare i64 @llvm.umin.i64(i64, i64)

@overbar.sizes = internal constant [$inputs x i64] [$sizes]
@overbar.same = internal constant [$inputs x i1] [$same]

define internal void @overbar.copy(ptr %to, ptr %from, i64 %step, i64 %size, i64 %count) nounwind {
  switch i64 %size, label %eight [ i64 4, label %four
                                   i64 1, label %one ]
eight:
  %i8 = phi i64 [ 0, %0 ], [ %j8, %eight ]
  %o8 = mul i64 %i8, %step
  %p8 = getelementptr i8, ptr %from, i64 %o8
  %x8 = load i64, ptr %p8, align 1
  %q8 = getelementptr i64, ptr %to, i64 %i8
  store i64 %x8, ptr %q8, align 1
  %j8 = add i64 %i8, 1
  %m8 = icmp slt i64 %j8, %count
  br i1 %m8, label %eight, label %end
four:
  %i4 = phi i64 [ 0, %0 ], [ %j4, %four ]
  %o4 = mul i64 %i4, %step
  %p4 = getelementptr i8, ptr %from, i64 %o4
  %x4 = load i32, ptr %p4, align 1
  %q4 = getelementptr i32, ptr %to, i64 %i4
  store i32 %x4, ptr %q4, align 1
  %j4 = add i64 %i4, 1
  %m4 = icmp slt i64 %j4, %count
  br i1 %m4, label %four, label %end
one:
  %i1 = phi i64 [ 0, %0 ], [ %j1, %one ]
  %o1 = mul i64 %i1, %step
  %p1 = getelementptr i8, ptr %from, i64 %o1
  %x1 = load i8, ptr %p1
  %q1 = getelementptr i8, ptr %to, i64 %i1
  store i8 %x1, ptr %q1
  %j1 = add i64 %i1, 1
  %m1 = icmp slt i64 %j1, %count
  br i1 %m1, label %one, label %end
end:
  ret void
}

define void @points(ptr %in, ptr %steps, ptr %out, i64 %start, i64 %stop) nounwind {
  %ins = alloca [$inputs x ptr]
  %outs = alloca [$results x ptr]
  %space = alloca [$inputs x [$block x i64]], align 64
  %rest = alloca [$results x [$lanes x i64]], align 64
  br label %loop
loop:
  %at = phi i64 [ %start, %0 ], [ %next, %taken ]
  %left = sub i64 %stop, %at
  %more = icmp sgt i64 %left, 0
  br i1 %more, label %some, label %end
some:
  %part = icmp slt i64 %left, $lanes
  %even = and i64 %left, -$lanes
  %most = call i64 @llvm.umin.i64(i64 %even, i64 $block)
  %count = select i1 %part, i64 %left, i64 %most
  %whole = select i1 %part, i64 $lanes, i64 %most
  %next = add i64 %at, %count
  br label %input
input:
  %j = phi i64 [ 0, %some ], [ %j1, %placed ]
  %size.p = getelementptr i64, ptr @overbar.sizes, i64 %j
  %size = load i64, ptr %size.p
  %step.p = getelementptr i64, ptr %steps, i64 %j
  %step = load i64, ptr %step.p
  %in.p = getelementptr ptr, ptr %in, i64 %j
  %in.j = load ptr, ptr %in.p
  %same.p = getelementptr i1, ptr @overbar.same, i64 %j
  %same = load i1, ptr %same.p
  %away = mul i64 %at, %step
  %from = getelementptr i8, ptr %in.j, i64 %away
  %apart = icmp ne i64 %step, %size
  %odd = or i1 %apart, %part
  %other = xor i1 %same, true
  %copied = and i1 %odd, %other
  br i1 %copied, label %copy, label %placed
copy:
  %to = getelementptr [$block x i64], ptr %space, i64 %j
  call void @overbar.copy(ptr %to, ptr %from, i64 %step, i64 %size, i64 %count)
  br i1 %part, label %fill, label %placed
fill:
  %before = sub i64 %count, 1
  %back = mul i64 %before, %step
  %last = getelementptr i8, ptr %from, i64 %back
  %had = mul i64 %count, %size
  %free = getelementptr i8, ptr %to, i64 %had
  %missing = sub i64 $lanes, %count
  call void @overbar.copy(ptr %free, ptr %last, i64 0, i64 %size, i64 %missing)
  br label %placed
placed:
  %column = phi ptr [ %from, %input ], [ %to, %copy ], [ %to, %fill ]
  %ins.p = getelementptr ptr, ptr %ins, i64 %j
  store ptr %column, ptr %ins.p
  %j1 = add i64 %j, 1
  %inputs = icmp slt i64 %j1, $inputs
  br i1 %inputs, label %input, label %result
result:
  %k = phi i64 [ 0, %placed ], [ %k1, %result ]
  %out.p = getelementptr ptr, ptr %out, i64 %k
  %out.k = load ptr, ptr %out.p
  %straight = getelementptr $real, ptr %out.k, i64 %at
  %aside = getelementptr [$lanes x i64], ptr %rest, i64 %k
  %place = select i1 %part, ptr %aside, ptr %straight
  %outs.p = getelementptr ptr, ptr %outs, i64 %k
  store ptr %place, ptr %outs.p
  %k1 = add i64 %k, 1
  %results = icmp slt i64 %k1, $results
  br i1 %results, label %result, label %run
run:
  call void @chunk(ptr %ins, ptr %outs, i64 %whole)
  br i1 %part, label %take, label %taken
take:
  %t = phi i64 [ 0, %run ], [ %t1, %take ]
  %to.p = getelementptr ptr, ptr %out, i64 %t
  %to.t = load ptr, ptr %to.p
  %to.at = getelementptr $real, ptr %to.t, i64 %at
  %from.t = getelementptr [$lanes x i64], ptr %rest, i64 %t
  call void @overbar.copy(ptr %to.at, ptr %from.t, i64 $width, i64 $width, i64 %count)
  %t1 = add i64 %t, 1
  %takes = icmp slt i64 %t1, $results
  br i1 %takes, label %take, label %taken
taken:
  br label %loop
end:
  ret void
}
